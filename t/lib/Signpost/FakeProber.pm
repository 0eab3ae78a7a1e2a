# SPDX-License-Identifier: Apache-2.0
#
# Stands in for the prober, and does to each question what the repository's name says:
#
#     my $fake = Signpost::FakeProber->start( $t, 'fake', $state );
#     my @questions = $fake->questions;      # "blobs present/app sha256:... 2" since the last call
#
# The first part of a name: present, absent, unknown (answers so, for all targets), never
# (no answer), late-MS, stray (another question's answer, then "present"), short, garbage,
# version (answers that are none), verdict (a verdict that is none), count (for one target
# more), hangup (closes the connection), die (ends at once).
package Signpost::FakeProber;

use strict;
use warnings;

use File::Basename ();
use IO::Select;
use Signpost::Prober ();
use Socket;
use Time::HiRes qw(time);

my @endpoint = qw(use manifests blobs);

sub start {
    my ( $class, $t, $name, $state ) = @_;
    my $lib  = File::Basename::dirname( File::Basename::dirname(__FILE__) );
    my $self = bless { t => $t, name => $name, state => $state, seen => 0 }, $class;
    unlink "$state/prober.socket";
    $t->start(
        $name,
        [
            $^X,                                  "-I$lib",
            '-MSignpost::FakeProber',             '-e',
            'Signpost::FakeProber::serve(@ARGV)', $state
        ]
    );
    $t->wait_for( sub { -S "$state/prober.socket" && $t->slurp("$name.out") =~ /^ready/ } )
        or die "$name does not listen: " . $t->complaints($name);
    return $self;
}

sub stop {
    my ( $self, $signal ) = @_;
    $self->{t}->stop( $self->{name}, $signal // 'KILL' );
    unlink "$self->{state}/prober.socket", "$self->{state}/health";
    unlink "$self->{t}{folder}/$self->{name}.out";
    return;
}

# The questions since the last call; `use` notes are left out.
sub questions {
    my ($self) = @_;
    my @all    = $self->{t}->slurp("$self->{name}.out") =~ /^((?:manifests|blobs) .*)$/mg;
    my @new    = @all[ $self->{seen} .. $#all ];
    $self->{seen} = @all;
    return @new;
}

# How many connections were made to it, ever.
sub connections {
    my ($self) = @_;
    return scalar( () = $self->{t}->slurp("$self->{name}.out") =~ /^connected$/mg );
}

# Publishes how long a HEAD of each target takes: { id => ms }.
sub publish {
    my ( $self, %head_ms ) = @_;
    my $text = sprintf "signpost-health 2 %d 30000 %d\n", time, $$;
    $text .= sprintf "target %x up 100 %d 0 0 0 0 0 0 0 0 0 t%x\n", $_, $head_ms{$_}, $_
        for keys %head_ms;
    $self->{t}->file( "$self->{state}/health.new", $text );
    rename "$self->{state}/health.new", "$self->{state}/health" or die "rename: $!";
    return;
}

# ---- the process ----

sub _answer {
    my ( $id, $count, $holding, $version ) = @_;
    return pack 'LLC9x3', $version // Signpost::Prober::VERSION, $id, $count,
        map { $_ < $count ? $holding : 0 } 0 .. 7;
}

# [ after how many seconds, packet ] of each answer to a question.
sub _behave {
    my ( $how, $id, $count ) = @_;
    my $good = _answer( $id, $count, 1 );
    return [ 0, $good ]                                                  if $how eq 'present';
    return [ 0, _answer( $id, $count, 2 ) ]                              if $how eq 'absent';
    return [ 0, _answer( $id, $count, 0 ) ]                              if $how eq 'unknown';
    return [ $1 / 1000, $good ]                                          if $how =~ /^late-(\d+)$/;
    return ( [ 0, _answer( $id ^ 0xff0000, $count, 2 ) ], [ 0, $good ] ) if $how eq 'stray';
    return [ 0, substr $good, 0, 5 ]                                     if $how eq 'short';
    return [ 0, 'garbage' x 20 ]                                         if $how eq 'garbage';
    return [ 0, _answer( $id, $count, 1, 7 ) ]                           if $how eq 'version';
    return [ 0, _answer( $id, $count, 3 ) ]                              if $how eq 'verdict';
    return [ 0, _answer( $id, $count + 1, 1 ) ]                          if $how eq 'count';
    return;
}

sub serve {
    my ($state) = @_;
    local $SIG{PIPE} = 'IGNORE';
    $| = 1;
    socket my $door, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
    bind $door, pack_sockaddr_un("$state/prober.socket") or die "bind: $!";
    listen $door, 64 or die "listen: $!";
    print "ready\n";
    my $select = IO::Select->new($door);
    my @later;

    while (1) {
        my ($next) = sort { $a <=> $b } map { $_->[0] } @later;
        for my $c ( $select->can_read( $next ? ( $next > time ? $next - time : 0 ) : undef ) ) {
            if ( $c == $door ) {
                accept my $new, $door or next;
                $select->add($new);
                print "connected\n";
                next;
            }
            my $packet = '';
            recv $c, $packet, 4096, 0;
            if ( !length $packet ) { $select->remove($c); close $c; next }
            my ( $version, $id, $endpoint, $count, $name_len, $digest_len ) = unpack 'LLCCSS',
                $packet;
            next if $endpoint == 255;    # a report of what was counted
            next if $id == 0;            # a note of a target in use
            my $name = substr $packet, 80, $name_len;
            print "$endpoint[$endpoint] $name ", substr( $packet, 80 + $name_len ), " $count\n";
            my ($how) = $name =~ m{^([^/]*)};
            exit 0 if $how eq 'die';
            if ( $how eq 'hangup' ) { $select->remove($c); close $c; next }
            push @later, map { [ time + $_->[0], $c, $_->[1] ] } _behave( $how, $id, $count );
        }
        my $now = time;
        send $_->[1], $_->[2], 0 for grep { $_->[0] <= $now } @later;
        @later = grep { $_->[0] > $now } @later;
    }
    return;
}

1;
