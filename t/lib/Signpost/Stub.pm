# SPDX-License-Identifier: Apache-2.0
#
# A web server that answers as it is told, to play a registry that is out of order:
#
#     my $stub = Signpost::Stub->new( $t, 'stub' );
#     $stub->serve( '/v2/app/manifests/v1' => [ [ 429, { 'Retry-After' => 0 } ], [ 200, {}, $body ] ] );
#     $stub->requests;    # [ 'GET /v2/app/manifests/v1', Authorization or undef ], ...
#
# A target with its query has one answer, or several that are given one after the
# other, the last of them again and again: [ status, headers, body ], or a string,
# which is sent as it is. Everything else is 404.
package Signpost::Stub;

use strict;
use warnings;

use File::Basename ();
use IO::Socket::INET;
use JSON::PP ();

sub new {
    my ( $class, $t, $name ) = @_;
    my $port = $t->port;
    return bless { t => $t, name => $name, port => $port, url => "http://127.0.0.1:$port" }, $class;
}

sub url { return $_[0]{url} }

# Starts to serve these answers, in place of those before.
sub serve {
    my ( $self, %answers ) = @_;
    my ( $t,    $name )    = @$self{qw(t name)};
    $t->stop($name);
    unlink $t->folder . "/$name.out";
    my $file = $t->file( "$name.json", JSON::PP->new->encode( \%answers ) =~ s/\@/\\u0040/gr );
    my $lib  = File::Basename::dirname( File::Basename::dirname(__FILE__) );
    $t->start(
        $name,
        [
            $^X, "-I$lib", '-MSignpost::Stub', '-e', 'Signpost::Stub::_run(@ARGV)', $self->{port},
            $file
        ]
    );
    $t->wait_for_port( $name, $self->{port} );
    return;
}

# What was asked since the answers were given: [ method and target, Authorization ].
sub requests {
    my ($self) = @_;
    return map { [ ( split /\t/ )[ 0, 1 ] ] } split /\n/, $self->{t}->slurp("$self->{name}.out");
}

sub _run {
    my ( $port, $file ) = @_;
    open my $in, '<:raw', $file or die "$file: $!";
    my $answers  = JSON::PP->new->decode( do { local $/ = undef; <$in> } );
    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $port,
        Listen    => 64,
        ReuseAddr => 1
    ) or die "port $port: $!";
    local $SIG{PIPE} = 'IGNORE';
    local $| = 1;
    while ( my $client = $listener->accept ) {
        _answer( $client, $answers );
        shutdown $client, 1;
        close $client;
    }
    return;
}

sub _answer {
    my ( $client, $answers ) = @_;
    my ( $method, $target )  = ( <$client> // '' ) =~ /^([A-Z]+) (\S+)/ or return;
    my $authorization;
    while ( defined( my $line = <$client> ) ) {
        last if $line =~ /^\r?\n/;
        $authorization = $1 if $line =~ /^Authorization: ([^\r\n]*)/i;
    }
    print "$method $target\t", $authorization // '', "\n";
    my $list   = $answers->{$target} || [ [404] ];
    my $answer = @$list > 1 ? shift @$list : $list->[0];
    print {$client} ref $answer ? _format(@$answer) : $answer;
    return;
}

sub _format {
    my ( $status, $headers, $body ) = @_;
    $body //= '';
    my %header = ( 'Content-Length' => length $body, Connection => 'close', %{ $headers || {} } );
    return join "\r\n", "HTTP/1.1 $status Status", ( map { "$_: $header{$_}" } sort keys %header ),
        '', $body;
}

1;
