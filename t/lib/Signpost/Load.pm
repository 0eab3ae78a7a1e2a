# SPDX-License-Identifier: Apache-2.0
#
# Clients that ask without pause while something happens, each at least a few times on a slow
# machine, too, and count every answer:
#
#     my $load = Signpost::Load->new( 3, sub { what is wrong with one more answer, or '' } );
#     ...
#     my ( $good, @wrong ) = $load->end;
package Signpost::Load;

use strict;
use warnings;

use IO::Select;
use POSIX ();

use constant { SECONDS_MAX => 60, WRONG_MAX => 20, ASKS_MIN => 10 };

my %until;    # of all loads, which no client may hold open

sub new {
    my ( $class, $count, $ask ) = @_;
    my $self = bless { client => [] }, $class;
    pipe my $end, $self->{until} or die "pipe: $!";    # closed at the end
    $until{$self} = $self->{until};
    for ( 1 .. $count ) {
        pipe my $read, my $write or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if ( !$pid ) {
            close $_ for values %until;
            _go_on( $end, $write, $ask );
            POSIX::_exit(0);
        }
        close $write;
        push @{ $self->{client} }, { pid => $pid, read => $read };
    }
    return $self;
}

sub _go_on {
    my ( $end, $write, $ask ) = @_;
    my ( $good, @wrong ) = (0);
    my $told = IO::Select->new($end);
    alarm SECONDS_MAX;
    while ( @wrong < WRONG_MAX && ( $good + @wrong < ASKS_MIN || !$told->can_read(0) ) ) {
        my $wrong = eval { $ask->() } // $@;
        if ( length $wrong ) { push @wrong, $wrong =~ s/\s+/ /gr }
        else                 { $good++ }
    }
    syswrite $write, join "\n", $good, @wrong;
    return;
}

# Stops the clients: how many answers were right, and what was wrong with the others.
sub end {
    my ($self) = @_;
    my ( $good, @wrong ) = (0);
    close delete $until{$self};
    for my $client ( @{ $self->{client} } ) {
        my ( $n, @more ) = split /\n/, do { local $/ = undef; readline( $client->{read} ) // '' };
        waitpid $client->{pid}, 0;
        $good += $n // 0;
        push @wrong, @more, defined $n ? () : 'a client did not end';
    }
    return ( $good, @wrong );
}

1;
