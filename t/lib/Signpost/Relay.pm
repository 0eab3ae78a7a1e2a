# SPDX-License-Identifier: Apache-2.0
#
# A relay in front of a real registry, that puts clients off or takes its time:
#
#     my $relay = Signpost::Relay->new( $t, 'relay', $registry );
#     $relay->start( half => 1 );            # every other request, by chance, is 429
#     $relay->start( closed => [ 3, 1 ] );   # the third is 429, with Retry-After: 1
#     $relay->start( always => 1 );          # all are
#     $relay->start( delay => 0.01 );        # seconds before each answer
#     $relay->requests                       # "GET /v2/app/tags/list 200" since its start
#     $relay->rude                           # those of them that came while it was closed
#
# Chance is seeded. One request after the other is served, each on a connection of its own.
package Signpost::Relay;

use strict;
use warnings;

use File::Basename ();
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP    ();
use Time::HiRes qw(time sleep);

sub new {
    my ( $class, $t, $name, $registry ) = @_;
    return bless { t => $t, name => $name, to => $registry->url, port => $t->port }, $class;
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

sub start {
    my ( $self, %how )  = @_;
    my ( $t,    $name ) = @$self{qw(t name)};
    $t->stop($name);
    unlink $t->folder . "/$name.out";
    my $lib = File::Basename::dirname( File::Basename::dirname(__FILE__) );
    $t->start(
        $name,
        [
            $^X,           "-I$lib",    '-MSignpost::Relay', '-e', 'Signpost::Relay::_run(@ARGV)',
            $self->{port}, $self->{to}, JSON::PP->new->encode( \%how )
        ]
    );
    $t->wait_for_port( $name, $self->{port} );
    return;
}

sub _lines {
    my ($self) = @_;
    return split /\n/, $self->{t}->slurp("$self->{name}.out");
}

sub requests {
    return map { s/ rude$//r } $_[0]->_lines;
}

sub rude {
    return grep { / rude$/ } $_[0]->_lines;
}

# ---- the relay's process ----

sub _run {
    my ( $port, $to, $how ) = @_;
    $how = JSON::PP->new->decode($how);
    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $port,
        Listen    => 256,
        ReuseAddr => 1
    ) or die "port $port: $!";
    local $SIG{PIPE} = 'IGNORE';
    local $| = 1;
    srand 1;
    my %state = ( http => HTTP::Tiny->new( max_redirect => 0, timeout => 20 ), closed => [ 0, 0 ] );
    while ( my $client = $listener->accept ) {
        my $head = _read_head($client);
        print {$client} _answer( \%state, $how, $to, $head ) if $head;
        shutdown $client, 1;
        close $client;
    }
    return;
}

sub _read_head {
    my ($client) = @_;
    my ( $method, $target ) = ( <$client> // '' ) =~ /^([A-Z]+) (\S+)/ or return;
    my %header;
    while ( defined( my $line = <$client> ) ) {
        last if $line =~ /^\r?\n/;
        $header{ lc $1 } = $2 if $line =~ /^([^:]+):\s*([^\r\n]*)/;
    }
    return { method => $method, target => $target, accept => $header{accept} };
}

# A request that arrives a tenth of a second after the relay said that it is closed
# cannot have been under way at that time.
sub _answer {
    my ( $state, $how, $to, $head ) = @_;
    my $now  = time;
    my $rude = $now > $state->{closed}[0] + 0.1 && $now < $state->{closed}[1] ? ' rude' : '';
    my ( $nth, $seconds ) = @{ $how->{closed} || [ 0, 0 ] };
    sleep $how->{delay} if $how->{delay};
    if ( ++$state->{count} == $nth || $how->{always} || ( $how->{half} && rand() < 0.5 ) ) {
        print "$head->{method} $head->{target} 429$rude\n";
        $state->{closed} = [ $now, $now + $seconds ];
        return _format( 429, { 'Retry-After' => $seconds }, '{}' );
    }
    my $answer = $state->{http}->request(
        $head->{method},
        $to . $head->{target},
        { headers => { Accept => $head->{accept} // '*/*' } }
    );
    print "$head->{method} $head->{target} $answer->{status}$rude\n";
    my %kept =
        map { $_ => $answer->{headers}{$_} }
        grep { defined $answer->{headers}{$_} } qw(content-type link docker-content-digest);
    return _format( $answer->{status}, \%kept, $answer->{content} );
}

sub _format {
    my ( $status, $headers, $body ) = @_;
    my %header = ( %$headers, 'Content-Length' => length $body, Connection => 'close' );
    return join "\r\n", "HTTP/1.1 $status Status", ( map { "$_: $header{$_}" } sort keys %header ),
        '', $body;
}

1;
