# SPDX-License-Identifier: Apache-2.0
#
# A front door with two registries: "eu" for clients in FR, which may be a real one or an
# upstream that fails, and "us", the canonical one. It starts its own prober.
#
#     my $door = Signpost::Door->start( $t, 'door', eu => $url, more => 'index = "x";' );
#     $door->goes($path)                  # where a client in FR is sent: eu's URL, $door->us ...
#     $door->state->{eu}{state}           # as `signpost state` shows it; {prober} has counters
#     $door->stop;
package Signpost::Door;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use IO::Socket::UNIX;
use JSON::PP;
use Signpost::FastCGI qw(request variables);
use Signpost::Upstream;

our @EXPORT_OK = qw(blob manifest two_registries state_dir);

my $number = 0;
sub _digest { return 'sha256:' . sha256_hex( $_[0] // ++$number ) }

# The path of a blob or manifest, a new one unless its seed is given.
sub blob     { return '/v2/team/app/blobs/' . _digest( $_[0] ) }
sub manifest { return '/v2/team/app/manifests/' . _digest( $_[0] ) }

# It runs, so that it is never out of service, from the first door with two registries on.
my $us;
sub us { return $us ? $us->url : 'http://us.example.org' }

# A state directory as it has to be.
sub state_dir {
    my ( $t, $name ) = @_;
    my $path = $t->dir($name);
    chmod 0755, $path or die "$path: $!";
    return $path;
}

# The configuration. Options: eu, state, more.
sub two_registries {
    my (%option) = @_;
    my $more = $option{more} // '';
    return <<"EOT";
name = "registry.example.org";
upstreams = { eu = { url = "$option{eu}"; serves = [ "FR" ]; };
              us = { url = "${\ us()}"; }; };
canonical = [ "us" ]; state = "$option{state}"; $more
EOT
}

# Starts it. Options: those of two_registries, or conf, a configuration; state is a new
# directory unless it is given; command, what runs it.
sub start {
    my ( $class, $t, $name, %option ) = @_;
    $option{state} //= state_dir( $t, "$name.state" );
    $us //= Signpost::Upstream->start( $t, 'us-of-doors' ) if !$option{conf};
    my $self   = bless { t => $t, name => $name, state => $option{state} }, $class;
    my $auto   = sprintf 'prober = "start"; prober_program = "%s";', $t->program('signpost');
    my $more   = "$auto " . ( $option{more} // '' );
    my $text   = $option{conf} ? "$option{conf} $more" : two_registries( %option, more => $more );
    my $path   = $self->{socket} = $t->folder . "/$name.sock";
    my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 512 ) or die "$path: $!";
    $self->{conf} = $t->file( "$name.conf", $text );
    $t->start(
        $name,
        [ @{ $option{command} || [] }, $t->program('signpost.fcgi') ],
        stdin => $socket,
        env   => { SIGNPOST_CONF => $self->{conf} }
    );
    return $self;
}

# Sends a request for a client in FR, or with these variables; its answer is host_of's to take.
sub begin {
    my ( $self, $path, %variable ) = @_;
    my $c = Signpost::FastCGI->new( $self->{socket} ) // die "$self->{socket}: $!";
    %variable = ( HTTP_X_CLIENT_REGION => 'FR' ) if !%variable;
    $c->send( request( variables( $path, %variable ) ) );
    return $c;
}

# The part of an answer's Location before the request's path; else its status.
sub host_of {
    my ( $self, $c, $path ) = @_;
    my $answer = $c->answer || {};
    my ($base) = ( $answer->{location} // '' ) =~ m{^(.*)\Q$path\E$};
    return $base // 'status ' . ( $answer->{status} // 'none' );
}

sub goes {
    my ( $self, $path, %variable ) = @_;
    return $self->host_of( $self->begin( $path, %variable ), $path );
}

# Waits until the prober is asked: new blobs, which eu must not have, go to us then.
sub ready {
    my ($self) = @_;
    return $self->{t}->wait_for( sub { $self->goes( blob() ) eq us() } );
}

# What `signpost state` shows: { NAME => target }, and the prober's counters.
sub state {
    my ($self) = @_;
    my $t      = $self->{t};
    my $run  = $t->run( [ $t->program('signpost'), 'state', '--json', '--config', $self->{conf} ] );
    my $json = eval { decode_json( $run->{out} ) } or return {};
    return { prober => $json->{prober}, map { $_->{name} => $_ } @{ $json->{targets} } };
}

# Waits until that is as the code says, which is given it; returns it in any case.
sub wait_for_state {
    my ( $self, $code ) = @_;
    my $state;
    $self->{t}->wait_for( sub { $code->( $state = $self->state ) } );
    return $state;
}

# The process of its prober.
sub prober_pid {
    my ($self) = @_;
    my ($pid)  = $self->{t}->slurp("$self->{state}/health") =~ /^signpost-health \d+ \d+ \d+ (\d+)/;
    return $pid && kill( 0, $pid ) ? $pid : undef;
}

# Stops it, and its prober; returns its wait status.
sub stop {
    my ( $self, $signal ) = @_;
    my $pid    = $self->prober_pid;
    my $status = $self->{t}->stop( $self->{name}, $signal );
    kill 'TERM', $pid if $pid;
    $self->{t}->wait_for( sub { !$pid || !kill 0, $pid } );
    return $status;
}

1;
