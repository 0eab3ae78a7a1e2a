# SPDX-License-Identifier: Apache-2.0
#
# Requests sent byte for byte: HTTP over a socket, FastCGI without a web server,
# and a CGI program started as a web server would. Each returns an answer:
# { status, reason, header => { lower-case name => value }, body, raw }.
package Signpost::Wire;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(http http_text fastcgi cgi parse_answer);

my $patience = 20;    # seconds for one answer

# One HTTP request on a connection of its own. Nothing of the target or the
# headers is checked or changed. Headers: a list of name and value.
sub http {
    my ( $port, $method, $target, @headers ) = @_;
    my $text = "$method $target HTTP/1.1\r\n";
    unshift @headers, Host => "127.0.0.1:$port"
        if !grep { lc eq 'host' } @headers[ grep { !( $_ % 2 ) } 0 .. $#headers ];
    push @headers, 'Content-Length' => 0 if $method =~ /^(?:POST|PUT|PATCH)$/;
    while ( my ( $name, $value ) = splice @headers, 0, 2 ) {
        $text .= "$name: $value\r\n";
    }
    return http_text( $port, $method, "${text}Connection: close\r\n\r\n" );
}

# The same, of a request that is written out.
sub http_text {
    my ( $port, $method, $text ) = @_;
    my $socket = IO::Socket::INET->new( PeerAddr => '127.0.0.1', PeerPort => $port )
        or die "127.0.0.1:$port: $!";
    return parse_answer( _talk( $socket, $text ), $method );
}

# Sends all, and reads until the peer closes.
sub _talk {
    my ( $socket, $text ) = @_;
    binmode $socket;
    syswrite $socket, $text;
    my $raw   = '';
    my $end   = time + $patience;
    my $ready = IO::Select->new($socket);
    while ( my $left = $end - time ) {
        last if $left <= 0 || !$ready->can_read($left);
        last if !sysread $socket, $raw, 65536, length $raw;
    }
    return $raw;
}

# Takes an HTTP or a CGI response apart. The body is what came, even on HEAD.
sub parse_answer {
    my ( $raw, $method ) = @_;
    my %answer = ( raw => $raw, header => {}, body => '' );
    $raw =~ s{\AHTTP/1\.1 1\d\d .*?\r\n\r\n}{}s;    # "100 Continue"
    my ( $head, $body ) = split /\r?\n\r?\n/, $raw, 2;
    return \%answer if !defined $head || !length $head;
    my @lines = split /\r?\n/, $head;
    if ( $lines[0] =~ m{^HTTP/1\.[01] (\d{3}) ?(.*)} ) {
        @answer{qw(status reason)} = ( $1, $2 );
        shift @lines;
    }
    for my $line (@lines) {
        my ( $name, $value ) = $line =~ /^([^:\s]+):\s*(.*?)\s*$/ or next;
        my $old = \$answer{header}{ lc $name };
        $$old = defined $$old ? "$$old, $value" : $value;
    }
    if ( !$answer{status} && ( $answer{header}{status} // '' ) =~ /^(\d{3}) ?(.*)/ ) {
        @answer{qw(status reason)} = ( $1, $2 );
    }
    $body = _join_chunks($body) if ( $answer{header}{'transfer-encoding'} // '' ) eq 'chunked';
    $answer{body} = $body // '';
    return \%answer;
}

sub _join_chunks {
    my ($body) = @_;
    my $whole = '';
    while ( $body =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n// ) {
        my $size = hex $1;
        $whole .= substr $body, 0, $size, '';
        $body =~ s/^\r\n//;
    }
    return $whole;
}

# One FastCGI request to a socket: a path, or a port of 127.0.0.1.
sub fastcgi {
    my ( $where, $variables, $input ) = @_;
    my $socket =
        $where =~ m{/}
        ? IO::Socket::UNIX->new( Peer     => $where )
        : IO::Socket::INET->new( PeerAddr => '127.0.0.1', PeerPort => $where );
    die "$where: $!" if !$socket;
    my $params = join '', map { _pair( $_, $variables->{$_} ) } sort keys %$variables;
    my $raw    = _talk( $socket,
              _record( 1, pack 'nCx5', 1, 0 )
            . _record( 4, $params )
            . ( length $params         ? _record( 4, '' )     : '' )
            . ( length( $input // '' ) ? _record( 5, $input ) : '' )
            . _record( 5, '' ) );
    my ( $out, $err ) = ( '', '' );
    while ( length $raw >= 8 ) {
        my ( $version, $type, $id, $length, $padding ) = unpack 'CCnnC', substr $raw, 0, 8, '';
        my $content = substr $raw, 0, $length, '';
        substr $raw, 0, $padding, '';
        $out .= $content if $type == 6;
        $err .= $content if $type == 7;
    }
    return { %{ parse_answer( $out, $variables->{REQUEST_METHOD} ) }, stderr => $err };
}

sub _record {
    my ( $type, $content ) = @_;
    return pack( 'CCnnCx', 1, $type, 1, length $content, 0 ) . $content;
}

sub _pair {
    my ( $name, $value ) = @_;
    return _length($name) . _length($value) . $name . $value;
}

sub _length {
    my $length = length $_[0];
    return $length < 128 ? pack 'C', $length : pack 'N', $length | 1 << 31;
}

# Runs a CGI program in a test, with these variables and no others.
sub cgi {
    my ( $t, $program, $variables ) = @_;
    my $run = $t->run( [$program], only_env => $variables );
    return {
        %{ parse_answer( $run->{out}, $variables->{REQUEST_METHOD} ) },
        stderr => $run->{err},
        exit   => $run->{status}
    };
}

1;
