# SPDX-License-Identifier: Apache-2.0
#
# The requests of t/data/tricky-requests, which tells how it is written.
package Signpost::Tricky;

use strict;
use warnings;

use Exporter 'import';
use Signpost::Wire qw(http_text);

our @EXPORT_OK = qw(tricky_requests answer_to expected);

# All of them: { name, text, method, answer, otherwise => { beginning => answer } }.
sub tricky_requests {
    my ($file) = @_;
    open my $in, '<:raw', $file or die "$file: $!";
    my @paragraphs = do { local $/ = ''; <$in> };
    return map { _read($_) } grep { !/\A#/ } @paragraphs;
}

sub _read {
    my ($paragraph) = @_;
    my ( $name, @lines ) = split /\n/, $paragraph;
    my %of = ( '>' => [], '=' => [], '!' => [] );
    for my $line (@lines) {
        $line =~ /^([>=!]) ?(.*)/ or die "$name: \"$line\" begins with none of > = !";
        push @{ $of{$1} }, _expand($2);
    }
    my ($method) = $of{'>'}[0] =~ /^(\S+)/;
    return {
        name      => $name,
        text      => _request( @{ $of{'>'} } ),
        method    => $method,
        answer    => $of{'='}[0] // die("$name has no answer"),
        otherwise => { map { /^(.*?): (.*)/ ? ( $1, $2 ) : die "$name: $_" } @{ $of{'!'} } }
    };
}

sub _expand {
    my ($line) = @_;
    $line =~ s/\\x([0-9a-f]{2})/chr hex $1/ge;
    $line =~ s/\{([^{}*]*)\*(\d+)\}/$1 x $2/ge;
    return $line;
}

sub _request {
    my ( $line, @more ) = @_;
    my @headers;
    push @headers, shift @more while @more && length $more[0];
    my $has_host = grep { /^Host:/ } @headers;
    @headers = grep { $_ ne 'Host:' } @headers;
    unshift @headers, 'Host: registry.example.org' if !$has_host;
    push @headers, 'Connection: close';
    shift @more;
    my $body = join "\r\n", @more;
    $body .= "\r\n\r\n" if grep { /chunked/ } @headers;
    return join( "\r\n", $line, @headers, '', '' ) . $body;
}

# What a port answers, in the file's words.
sub answer_to {
    my ( $port, $request ) = @_;
    my $answer = http_text( $port, @$request{qw(method text)} );
    my $status = $answer->{status} or return 'none';
    my $header = $answer->{header};
    my $whose =
        $header->{location} // ( ( $header->{'content-type'} // '' ) =~ m{^application/json} )
        ? 'signpost'
        : 'server';
    return "$status " . ( $header->{location} // $whose );
}

# What a way of running it must answer.
sub expected {
    my ( $request, $way ) = @_;
    my $otherwise = $request->{otherwise};
    my ($who) = sort { length $b <=> length $a } grep { !index $way, $_ } keys %$otherwise;
    return defined $who ? $otherwise->{$who} : $request->{answer};
}

1;
