# SPDX-License-Identifier: Apache-2.0
#
# Files that a configuration or the control file would have a process wait for, such as a FIFO,
# are refused at once: at a start, at a reload, and as an operator's wish; and a reload leaves no
# child process behind.
use strict;
use warnings;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/../lib";
use Signpost::Door    qw(state_dir);
use Signpost::FastCGI qw(request variables);
use Signpost::Prober;
use Signpost::Test;
use Test::More;
use Time::HiRes qw(time);

my $t       = Signpost::Test->new;
my $soon    = 3;                          # seconds for what must not wait
my $state   = state_dir( $t, 'state' );
my $control = "$state/control";
POSIX::mkfifo( $t->folder . '/fifo', 0600 ) or die "fifo: $!";

sub write_conf {
    my ( $host, $more ) = @_;
    return $t->file( 'signpost.conf', <<"EOT" );
name = "registry.example.org"; canonical = [ "us" ]; state = "$state"; prober = "service";
upstreams = { eu = { url = "http://$host"; serves = [ "FR" ]; };
              us = { url = "http://us.example.org"; }; };
${\ ( $more // '' )}
EOT
}

my %wrong = (
    fifo            => 'it is not a plain file',
    '/dev/tty'      => qr/it is not a plain file|No such device or address/,
    '/dev/zero'     => 'it is not a plain file',
    '/dev/full'     => 'it is not a plain file',
    '.'             => 'it is not a plain file',
    'nowhere.inc'   => 'No such file or directory',
    'signpost.conf' => 'files are included more than 10 deep',
    'door.sock'     => 'it is not a plain file',
);

# Waits for a line of a process's standard error that comes after what there was; and for how long.
my %seen;

sub says {
    my ( $name, $what ) = @_;
    return $t->wait_for(
        sub {
            my $new = substr $t->slurp("$name.err"), $seen{$name} // 0;
            return $new =~ $what || !$t->is_running($name);
        },
        $soon
    ) && $t->is_running($name);
}

sub mark { $seen{$_} = length $t->slurp("$_.err") for @_; return }

# The processes whose parent is this one.
sub children {
    my ($pid)  = @_;
    my %parent = map { $_ => $t->slurp("$_/stat") =~ /\) \S (\d+)/ ? $1 : 0 } glob '/proc/[0-9]*';
    return grep { $parent{$_} == $pid } keys %parent;
}

my $conf   = write_conf('eu.example.org');
my $socket = $t->folder . '/door.sock';
my $listen = IO::Socket::UNIX->new( Local => $socket, Listen => 16 ) or die "$socket: $!";
$t->start(
    'door',
    [ $t->program('signpost.fcgi') ],
    stdin => $listen,
    env   => { SIGNPOST_CONF => $conf }
);
my $prober = Signpost::Prober->start( $t, 'prober', $conf, $state );

sub goes {
    my $c = Signpost::FastCGI->new($socket) or return 'no connection';
    $c->send( request( variables( '/v2/app/manifests/v1', SIGNPOST_REGION => 'FR' ) ) );
    my $answer = $c->answer($soon) || {};
    return ( $answer->{location} // 'nowhere' ) =~ s{^http://|/v2.*}{}gr;
}
is( goes(), 'eu.example.org', 'the responder serves' );

# ---- a reload ----

for my $file ( sort keys %wrong ) {
    write_conf( 'new.example.org', qq(\n\@include "$file") );
    mark(qw(door prober));
    $t->signal( $_, 'HUP' ) for qw(door prober);
    for my $name (qw(door prober)) {
        ok( says( $name, qr/The new configuration is refused/ ), "$name: $file is refused at once" )
            or diag $t->complaints($name);
    }
    like( $t->slurp('door.err'), qr/$wrong{$file}/, '  it is said why' );
    is( goes(), 'eu.example.org', '  and the old configuration serves' );
}
is_deeply( [ map { children( $t->pid($_) ) } qw(door prober) ], [], 'no child process is left' );

# ---- the control file ----

my $told = qr/control is damaged, and what is drained .* \(line 2: nothing may be included here\)/;
write_conf('eu.example.org');
$t->file( $control, 'drained = [ "eu" ];' );
ok( $t->wait_for( sub { goes() eq 'us.example.org' } ), 'a target is drained' );
for my $text (
    qq(\n\@include "fifo"),
    qq(/*\n \t\@include "/dev/zero"\n*/),
    qq(a = "\n\@include \\"fifo\\"\n";)
    )
{
    mark(qw(door prober));
    $t->file( "$control.new", $text );
    rename "$control.new", $control or die "$control: $!";
    for my $name (qw(door prober)) {
        ok( says( $name, $told ), "$name: the control file can include nothing" )
            or diag $t->complaints($name);
    }
    is( goes(), 'us.example.org', '  and the target stays drained' );
    my $drain =
        $t->run( [ $t->program('signpost'), 'drain', '--config', $conf, 'us' ], seconds => $soon );
    is( $drain->{status}, 1, '  a command is refused' );
    like( $drain->{err}, $told, '  it is said why' );
}

# ---- a start ----

for my $file ( sort keys %wrong ) {
    my $bad = write_conf( 'new.example.org', qq(\n\@include "$file") );
    my $cgi = $t->run(
        [ $t->program('signpost.fcgi') ],
        env     => { SIGNPOST_CONF => $bad, map { split /=/, $_, 2 } cgi() },
        seconds => $soon
    );
    like( $cgi->{out}, qr/^Status: 503/m, "CGI: $file is answered with 503" );
    like( $cgi->{err}, qr/$wrong{$file}/, '  it is said why' );
}
sub cgi { return ( 'GATEWAY_INTERFACE=CGI/1.1', 'REQUEST_METHOD=GET', 'REQUEST_URI=/v2/' ) }
write_conf('eu.example.org');
my $cgi = $t->run(
    [ $t->program('signpost.fcgi') ],
    env     => { SIGNPOST_CONF => $conf, map { split /=/, $_, 2 } cgi() },
    seconds => $soon
);
like( $cgi->{out}, qr/^Status: 200/m, 'CGI: a damaged control file is no reason not to answer' );

# ---- and mended ----

mark(qw(door prober));
unlink $control;
write_conf('new.example.org');
$t->signal( $_, 'HUP' ) for qw(door prober);
for my $name (qw(door prober)) {
    ok( says( $name, qr/The configuration has been read again/ ), "$name: what is right is taken" );
}
is( goes(), 'new.example.org', 'and serves' );
$t->stop($_) for qw(door prober);
$t->done;
