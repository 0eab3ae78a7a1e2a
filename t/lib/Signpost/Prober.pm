# SPDX-License-Identifier: Apache-2.0
#
# The prober, and a responder's side of its socket:
#
#     my $prober = Signpost::Prober->start( $t, 'prober', $conf, $state );
#     my $client = $prober->client;
#     my @held   = $client->ask( [ target_id($url) ], 'blobs', 'team/app', $digest );
#     # 'present', 'absent' or 'unknown' for each target; an empty list: no answer in time
package Signpost::Prober;

use strict;
use warnings;

use Exporter 'import';
use Socket;

our @EXPORT_OK = qw(target_id question report_of use_of);

use constant { VERSION => 3, TARGETS_MAX => 8 };

my %endpoint = ( manifests => 1, blobs => 2 );
my @holding  = qw(unknown present absent);

# What target.id is: FNV-1a of URL, a space, and prefix. The URL has no slash at its end.
sub target_id {
    my ( $url, $prefix ) = @_;
    use integer;
    no warnings 'portable';
    my $id = 0xcbf29ce484222325;
    $id = ( $id ^ ord ) * 0x100000001b3 for split //, "$url " . ( $prefix // '' );
    return $id;
}

# A packet: targets (ids), endpoint, name, digest, and the number that the answer has.
sub question {
    my ( $targets, $endpoint, $name, $digest, $number ) = @_;
    my @ids = ( @$targets, (0) x TARGETS_MAX );
    return pack( 'LLCCSSx2',
        VERSION,
        $number // 1,
        $endpoint{$endpoint} // $endpoint,
        scalar @$targets,
        length $name, length $digest )
        . pack( 'q8', @ids[ 0 .. TARGETS_MAX - 1 ] )
        . $name
        . $digest;
}

# A report of counts, each [ target, cell, n ].
sub report_of {
    my ( $counts, $number ) = @_;
    return pack( 'LLCCS', VERSION, 0, 255, 0, $number // @$counts ) . join '',
        map { pack 'qQLL', @$_[ 0, 2, 1 ], 0 } @$counts;
}

# "Requests go to these targets."
sub use_of {
    my (@targets) = @_;
    return question( \@targets, 0, '', '', 0 );
}

# Starts one for a configuration file. More arguments go to the command.
sub start {
    my ( $class, $t, $name, $conf, $state, @more ) = @_;
    my $self = bless { t => $t, name => $name, state => $state }, $class;
    my @kept = grep { defined $ENV{$_} } qw(PATH ASAN_OPTIONS LD_PRELOAD STANDING_DISK NO_MEMORY);
    local %ENV = ( HOME => $t->folder, map { $_ => $ENV{$_} } @kept );
    $t->start( $name, [ $t->program('signpost'), 'prober', '--config', $conf, '--stay', @more ] );
    $t->wait_for( sub { !$t->is_running($name) || $self->try_client } );
    return $self;
}

sub socket_path { return "$_[0]{state}/prober.socket" }

# A connection, or undef.
sub try_client {
    my ($self) = @_;
    socket my $socket, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
    connect $socket, pack_sockaddr_un( $self->socket_path ) or return;
    return bless { socket => $socket, number => 0, held => {} }, 'Signpost::Prober::Client';
}

sub client {
    my ($self) = @_;
    return $self->try_client
        // die "$self->{name} cannot be reached: $!\n" . $self->{t}->complaints( $self->{name} );
}

# What it has published: { published, process, counter => {}, target => { NAME => {} } }.
sub health {
    my ($self) = @_;
    my ( %health, %by_id );
    for ( split /\n/, $self->{t}->slurp("$self->{state}/health") ) {
        my ( $what, @rest ) = split / /, $_, 16;
        if ( $what eq 'signpost-health' ) {
            @health{qw(version published interval process)} = @rest;
        }
        elsif ( $what eq 'counter' ) {
            $health{counter}{ $rest[0] } = $rest[1];
        }
        elsif ( $what eq 'target' ) {
            my %target;
            @target{
                qw(id state admit head_ms changed failed_at probes checks present absent failed
                    refused skipped name failure)
            } = @rest;
            $health{target}{ $target{name} } = $by_id{ $target{id} } = \%target;
        }
        elsif ( $what eq 'check' && $by_id{ $rest[0] } ) {
            @{ $by_id{ $rest[0] } }{qw(check checked witnesses)} = @rest[ 1 .. 3 ];
        }
        elsif ( $what eq 'network-doubt' ) {
            $health{network_doubt} = $rest[0];
        }
    }
    return \%health;
}

# Waits until what it publishes is as the code, which is given it, says.
sub wait_for_health {
    my ( $self, $code, $seconds ) = @_;
    return $self->{t}->wait_for( sub { $code->( $self->health ) }, $seconds );
}

package Signpost::Prober::Client;

use strict;
use warnings;

use IO::Select;
use Time::HiRes qw(time);

# Sends a packet as it is; false if it cannot be sent.
sub send {
    my ( $self, $packet ) = @_;
    local $SIG{PIPE} = 'IGNORE';
    return CORE::send $self->{socket}, $packet, 0;
}

# Sends a question, and returns its number.
sub begin {
    my ( $self, @question ) = @_;
    my $number = ++$self->{number};
    $self->send( Signpost::Prober::question( @question, $number ) ) or return;
    return $number;
}

# The next packet within so many seconds; '' if the prober has closed, undef if there is none.
sub packet {
    my ( $self, $seconds ) = @_;
    return undef if !IO::Select->new( $self->{socket} )->can_read( $seconds // 10 );
    my $packet = '';
    recv $self->{socket}, $packet, 4096, 0;
    return $packet;
}

# The answer to the question of a number: as many words as it has targets.
sub answer {
    my ( $self, $number, $seconds ) = @_;
    my $end = time + ( $seconds // 10 );
    while ( !$self->{held}{$number} ) {
        my $left   = $end - time;
        my $packet = $self->packet( $left > 0 ? $left : 0 );
        return if !defined $packet || $packet eq '';
        my ( $version, $id, $count, @held ) = unpack 'LLCC8', $packet;
        $self->{held}{$id} = [ @holding[ @held[ 0 .. $count - 1 ] ] ];
    }
    return @{ delete $self->{held}{$number} };
}

sub ask {
    my ( $self, @question ) = @_;
    my $number = $self->begin(@question) // return;
    return $self->answer($number);
}

1;
