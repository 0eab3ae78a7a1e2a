# SPDX-License-Identifier: Apache-2.0
#
# A responder whose configuration is refused at the start, by whoever keeps it: it answers 503,
# says why once, and serves as soon as the file is right, without a hand.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Signpost::FastCGI qw(request variables begin record pairs PARAMS);
use Signpost::Load;
use Signpost::Test;
use Signpost::Wire qw(cgi parse_answer);
use Test::More;
use Time::HiRes qw(sleep time utime);

my $t       = Signpost::Test->new;
my $program = $t->program('signpost.fcgi');
my $tag     = '/v2/app/manifests/v1';
my $to      = "https://us.example.org$tag";
my $state   = $t->dir('state');

# The text of a configuration, with more lines.
sub conf {
    return join "\n", <<"EOT", @_;
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
state     = "$state";
prober    = "off";
EOT
}

# In one step, as careful editors do.
sub write_conf {
    my ( $name, $text ) = @_;
    my $path = $t->folder . "/$name.conf";
    $t->file( "$name.conf.new", $text );
    rename "$path.new", $path or die "$path: $!";
    return $path;
}

sub ask {
    my ( $where, %more ) = @_;
    my $client = Signpost::FastCGI->new($where) or return { out => "cannot connect: $!" };
    $client->send( request( variables( $tag, %more ) ) );
    return $client->answer || { out => 'no answer' };
}

sub serves {
    my ( $where, $name ) = @_;
    ok( $t->wait_for( sub { ( ask($where)->{location} // '' ) eq $to } ), $name )
        or diag ask($where)->{out};
    return;
}

# Waits until somebody answers there, and that it is 503 as it should be.
sub is_unavailable {
    my ( $where, $name ) = @_;
    $t->wait_for( sub { ask($where)->{status} } );
    my $answer = parse_answer( ask($where)->{out}, 'GET' );
    is( $answer->{status}, 503, "$name: 503" );
    like( $answer->{header}{'retry-after'} // '', qr/^\d+$/, "$name: says when to try again" );
    is( $answer->{header}{'content-type'}, 'application/json', "$name: in JSON" );
    like(
        $answer->{body},
        qr/^\{"errors":\[\{"code":"[A-Z_]+","message":"[^"]+","detail":null\}\]\}$/m,
        "$name: as OCI has errors"
    );
    return;
}

# How often something stands in what a process has said.
sub said {
    my ( $name, $what ) = @_;
    return scalar( () = $t->slurp("$name.err") =~ /$what/g );
}

subtest 'a mistake, and another one' => sub {
    my $path = $t->folder . '/own.sock';
    my $file = write_conf( 'own', conf('nonsense = 1;') );
    my $pid  = $t->start( own => [ $program, '--config', $file, '--listen', $path ] );
    is_unavailable( $path, 'refused' );
    my $head = ask( $path, REQUEST_METHOD => 'HEAD' );
    unlike( $head->{out}, qr/errors/, 'a HEAD gets no body' );
    is( said( own => 'error: there is no option "nonsense"' ), 1, 'the reason is in the log' );
    sleep 3;
    is( said( own => 'nonsense' ), 1, '… and only once' );
    $t->signal( own => 'HUP' );
    ok( $t->wait_for( sub { said( own => 'nonsense' ) == 2 } ),
        '… and again when it is asked for' );
    write_conf( 'own', conf('folly = 1;') );
    ok( $t->wait_for( sub { said( own => '"folly"' ) } ), 'another mistake is said' );
    is_unavailable( $path, 'another mistake' );
    write_conf( 'own', conf() );
    serves( $path, 'once it is right it serves, without a hand' );
    is( said( own => 'folly' ), 1,    'the other reason, too, was told once' );
    is( $t->pid('own'),         $pid, 'the process is the same' );
    ok( $t->is_running('own'), '… and runs' );
    write_conf( 'own', conf('nonsense = 2;') );
    $t->signal( own => 'HUP' );
    ok( $t->wait_for( sub { said( own => 'old one goes on' ) } ), 'a refused reload after that' );
    serves( $path, '… leaves the old one in service' );
    is( $t->stop('own'), 0, 'it stops with status 0' );
    ok( !-e $path, '… and removes its socket' );
};

subtest 'SIGHUP takes the mended file at once' => sub {
    my $path = $t->folder . '/hup.sock';
    my $file = write_conf( 'hup', 'name = 7;' );
    $t->start( hup => [ $program, '--config', $file, '--listen', $path ] );
    is_unavailable( $path, 'refused' );
    write_conf( 'hup', conf() );
    utime time + 8, time + 8, $file;    # so that it does not take it by itself
    $t->signal( hup => 'HUP' );
    ok( $t->wait_for( sub { ( ask($path)->{location} // '' ) eq $to }, 4 ), 'it serves' );
    is( $t->stop('hup'), 0, 'it stops with status 0' );
};

subtest 'a file that is being written' => sub {
    my $path = $t->folder . '/slow.sock';
    my $file = write_conf( 'slow', 'name = 7;' );
    $t->start( slow => [ $program, '--config', $file, '--listen', $path ] );
    is_unavailable( $path, 'refused' );

    # The time at which it was written last is moved, so that it is always now.
    my $part = conf() =~ s/us\.example/half.example/r;
    my $end  = time + 8;
    $t->file( 'slow.conf', $part );
    utime $end, $end, $file;
    while ( time < $end - 2 ) {
        my $location = ask($path)->{location} // '';
        isnt( $location, "https://half.example.org$tag", 'is not taken' ) if $location;
        sleep 0.2;
    }
    is( ask($path)->{status}, 503, 'it is not taken before it is whole' );
    write_conf( 'slow', conf() );
    serves( $path, '… and then it is' );
    $t->stop('slow');
};

subtest 'no file, and one that is included' => sub {
    my $path = $t->folder . '/none.sock';
    my $file = $t->folder . '/none.conf';
    $t->start( none => [ $program, '--config', $file, '--listen', $path ] );
    is_unavailable( $path, 'no file' );
    like( $t->slurp('none.err'), qr/\Q$file\E: error: .* cannot be read: No such file/,
        'its name' );
    write_conf( 'none', qq{\@include "part.conf"\n} . conf() =~ s/^name.*\n//r );
    ok( $t->wait_for( sub { said( none => 'part\.conf cannot be included' ) } ), 'no part' );
    is_unavailable( $path, 'no part' );
    write_conf( 'part', qq{name = "registry.example.org";\n} );
    serves( $path, 'with its part it serves' );
    $t->stop('none');
};

# Without --config, the file is looked for anew each time.
subtest 'a variable names the file' => sub {
    my $path = $t->folder . '/env.sock';
    my $file = $t->folder . '/env.conf';
    $t->start(
        env => [ $program, '--listen', $path ],
        env => { SIGNPOST_CONF => $file }
    );
    is_unavailable( $path, 'no file' );
    write_conf( 'env', conf() );
    serves( $path, 'once there is one it serves' );
    $t->stop('env');
};

subtest 'a file that the responder may not read' => sub {
    plan skip_all => 'root may read all' if $> == 0 && !$t->find('setpriv');
    my @as = $> == 0 ? ( $t->find('setpriv'), qw(--reuid 65534 --regid 65534 --clear-groups) ) : ();
    my $path = $t->dir('open') . '/closed.sock';
    chmod 0777, $t->dir('open');
    my $file = write_conf( 'closed', conf() );
    chmod 0, $file;
    my $copy = $t->install( $program, 'open/signpost.fcgi' );
    $t->start( closed => [ @as, $copy, '--config', $file, '--listen', $path ] );
    is_unavailable( $path, 'unreadable' );
    like( $t->slurp('closed.err'), qr/cannot be read: Permission denied/, 'it says so' );
    chmod 0644, $file;
    serves( $path, 'once it may read it, it serves' );
    $t->stop('closed');
};

# No request is lost when the loop that had no configuration gives way to the one that has.
subtest 'under load' => sub {
    my $path = $t->folder . '/load.sock';
    my $file = write_conf( 'load', 'name = 7;' );
    $t->start( load => [ $program, '--config', $file, '--listen', $path ] );
    is_unavailable( $path, 'refused' );
    my $load = Signpost::Load->new(
        3,
        sub {
            sleep 0.002;
            my $answer = ask($path);
            return ( $answer->{status} // 0 ) =~ /^(?:503|307)$/ ? '' : $answer->{out} || 'nothing';
        }
    );
    sleep 0.5;
    write_conf( 'load', conf('record_timeout = 0.5;') );
    serves( $path, 'it serves' );
    sleep 0.5;
    my ( $good, @wrong ) = $load->end;
    is_deeply( \@wrong, [], 'no request is lost' );
    cmp_ok( $good, '>', 20, "among $good" );

    # The limits are those of the configuration, though that came late.
    my $client = Signpost::FastCGI->new($path);
    $client->send( begin(1) . record( PARAMS, 1, pairs( REQUEST_METHOD => 'GET' ) ) );
    my $begun = time;
    $client->next_record(10);
    cmp_ok( time - $begun, '<', 4, 'a request that does not end is given up as it says' );
    is( $t->stop('load'), 0, 'it stops with status 0' );
};

subtest 'a stop while it is refused' => sub {
    my $path = $t->folder . '/stop.sock';
    my $file = write_conf( 'stop', 'name = 7;' );
    $t->start( stop => [ $program, '--config', $file, '--listen', $path ] );
    is_unavailable( $path, 'refused' );
    my $begun = time;
    is( $t->stop('stop'), 0, 'status 0' );
    cmp_ok( time - $begun, '<', 2, 'at once' );
};

# How many processes of the group of a started one have become signpost.fcgi.
sub workers {
    my ($name) = @_;
    my $group = $t->pid($name);
    return map { (split)[0] } grep { /\(signpost\.fcgi\) \S \d+ $group / }
        map { $t->slurp($_) } glob '/proc/[0-9]*/stat';
}

for my $keeper (qw(spawn-fcgi multiwatch)) {
    subtest $keeper => sub {
        $t->need( 'spawn-fcgi', $keeper );
        my $path  = $t->folder . "/$keeper.sock";
        my $file  = write_conf( $keeper, 'name = 7;' );
        my @watch = $keeper eq 'multiwatch' ? ( $t->find($keeper), '-f', 2, '--' ) : ();
        $t->start(
            $keeper => [ $t->find('spawn-fcgi'), '-n', '-s', $path, '--', @watch, $program ],
            env     => { SIGNPOST_CONF => $file }
        );
        is_unavailable( $path, 'refused' );
        my $count = @watch ? 2 : 1;
        $t->wait_for( sub { workers($keeper) == $count } );
        my @pid = workers($keeper);
        is( scalar @pid, $count, 'it is there' );
        write_conf( $keeper, conf() );
        serves( $path, 'once it is right it serves' );
        serves( $path, '… each time' ) for 1 .. 4;
        is_deeply( [ workers($keeper) ], \@pid, 'by the same processes' );
        is( $t->stop($keeper), 0, 'it stops with status 0' );
    };
}

subtest 'CGI' => sub {
    my $file   = write_conf( 'cgi', 'name = 7;' );
    my %env    = ( %{ variables($tag) }, SIGNPOST_CONF => $file );
    my $answer = cgi( $t, $program, \%env );
    is( $answer->{status}, 503, 'refused: 503' );
    like( $answer->{header}{'retry-after'} // '', qr/^\d+$/,         'says when to try again' );
    like( $answer->{stderr}, qr/cgi\.conf:1: error: name: expected/, 'with the reason' );
    write_conf( 'cgi', conf() );
    is( cgi( $t, $program, \%env )->{header}{location}, $to, 'once it is right it serves' );
};

$t->done;
