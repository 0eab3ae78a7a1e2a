# SPDX-License-Identifier: Apache-2.0
#
# What can be wrong with a front door, one thing at a time, for Signpost::FaultyDoor: the
# check of `signpost verify` that must find it, its name, the questions (see there) that
# it is about, by what is to be equal or to match, and what becomes of the answer.
package Signpost::Faults;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(faults spoil);

my $prefix = 'mirror/images';
my $wrong  = 'sha256:' . '1' x 64;
my $digest = qr/^sha256:/;

# ---- the questions ----

my %ping      = ( role => 'door', path => '/v2/' );
my %tag       = ( role => 'door', kind => 'manifests', ref => 'v1' );
my %tag_there = ( %tag, role => 'regional' );
my %digest    = ( role => 'door',      kind    => 'manifests', ref  => $digest, own => 1 );
my %layer     = ( role => 'regional',  kind    => 'blobs',     part => 0, method => 'GET' );
my %part      = ( role => 'regional',  kind    => 'blobs',     part => 1 );
my %list      = ( role => 'regional',  kind    => 'tags' );
my %nobodys   = ( role => 'canonical', nobodys => 1 );
my %referrers = ( role => 'door',      kind    => 'referrers', own => 1 );
my %listed    = ( role => 'canonical', kind    => 'referrers' );
my %long      = ( role => 'door',      ref     => qr/^.{129}/ );

# Signatures' tags of what is there.
sub tag_of { return ( role => 'door', nobodys => 0, ref => qr/\.$_[0]\z/ ) }

# ---- what becomes of their answers ----

# Another answer.
sub answers {
    my ( $status, $body, %header ) = @_;
    return sub { %{ $_[1] } = ( status => $status, body => $body // '', header => \%header ) };
}

# An error, as registries tell it.
sub says {
    my ( $status, $code ) = @_;
    return answers( $status, qq({"errors":[{"code":"$code"}]}) );
}

# A redirect, to where the code says, given the question.
sub sends {
    my ($where) = @_;
    return sub {
        my ( $q, $r ) = @_;
        answers( 307, '', Location => $where->($q) )->( $q, $r );
    };
}

# A redirect to the wrong registry: of what was asked for, or of a path there.
sub region { return "http://127.0.0.1:$_[0]{port}{regional}$_[1]" }

sub astray {
    return sends( sub { region( $_[0], "/v2/$prefix/$_[0]{name}/$_[0]{kind}/$_[0]{ref}" ) } );
}

sub hands_on {
    return sends( sub { region( $_[0], "/v2/$prefix" . substr $_[0]{path}, 3 ) } );
}
sub decoded { return $_[0] =~ s/%([0-9a-f]{2})/chr hex $1/gier }

# The same answer with other headers, or with another body.
sub with {
    my (%header) = @_;
    return sub { $_[1]{header}{$_} = $header{$_} for keys %header };
}

sub with_body {
    my ($change) = @_;
    return sub { $_[1]{body} = $change->( $_[1]{body} ) }
}

sub damaged {
    return with_body( sub { $_[0] =~ s/^(.)/$1 ^ "\1"/ser } );
}

my $login = 'Bearer realm="https://a.example/token"';

my @faults = (
    [ ping => '/v2/ is not there', { %ping, method => 'GET' }, answers(404) ],
    [
        ping => '/v2/ is redirected',
        { %ping, method => 'GET' }, sends( sub { region( $_[0], '/v2/' ) } )
    ],
    [ 'ping-head'    => 'HEAD /v2/ is an error', { %ping, method => 'HEAD' },       answers(500) ],
    [ 'ping-bare'    => '/v2 is not there',      { role => 'door', path => '/v2' }, answers(404) ],
    [ 'ping-headers' => '/v2/ wants a login',    {%ping}, with( 'WWW-Authenticate' => $login ) ],
    [
        'ping-headers' => '/v2/ offers an extension',
        {%ping}, with( 'X-Registry-Supports-Signatures' => 1 )
    ],

    [ methods => 'PUT is redirected', { method => 'PUT' },   astray() ],
    [ methods => '405 without Allow', { method => 'PATCH' }, answers(405) ],
    [
        methods => 'Allow names DELETE',
        { method => 'DELETE' }, with( Allow => 'GET, HEAD, DELETE' )
    ],
    [ methods => 'Allow lacks HEAD', { method => 'POST' }, with( Allow => 'GET' ) ],
    [
        head => 'HEAD is refused',
        { role => 'door', kind => 'tags', method => 'HEAD' }, answers(405)
    ],

    [
        'dot-segments' => 'dot segments are resolved behind the prefix',
        { path => qr{/\.\./} }, sends( sub { region( $_[0], '/v2/other/manifests/latest' ) } )
    ],
    [ 'dot-segments' => 'dot segments are handed on',    { path => qr{/%2e%2e/}i }, hands_on() ],
    [ 'dot-segments' => 'encoded slashes are handed on', { path => qr/%2f/i },      hands_on() ],
    [ 'dot-segments' => 'an empty segment is handed on', { path => qr{^/v2//} },    hands_on() ],
    [ 'dot-segments' => 'dot segments are an error',     { path => qr{/\.\./} },    answers(500) ],
    [
        injection => 'CR and LF are decoded into Location',
        { path => qr/%0d%0a/ }, sends( sub { region( $_[0], decoded( $_[0]{path} ) ) } )
    ],
    [
        injection => "a query's are decoded into Location",
        { query => qr/%0d%0a/ }, sends( sub { region( $_[0], '/?' . decoded( $_[0]{query} ) ) } )
    ],
    [
        injection => 'a NUL cuts a tag short',
        { path => qr/%00/ }, sends( sub { region( $_[0], $_[0]{path} =~ s/%00.*//r ) } )
    ],

    [ 'bad-digest' => 'a bad digest is an error', { path => qr/sha256:12\z/ }, answers(502) ],
    [ 'bad-digest' => 'a bad digest is served',   { path => qr/sha256:zz/ }, answers( 200, '{}' ) ],
    [ 'long-tag'   => 'a long tag is called bad', {%long}, says( 400, 'TAG_INVALID' ) ],
    [ 'long-tag'   => 'a long tag breaks it',     {%long}, answers(500) ],
    [ errors       => 'errors say NAME_UNKNOWN',  {%long}, says( 404, 'NAME_UNKNOWN' ) ],
    [ errors       => 'errors are other JSON',    {%long}, answers( 404, '{"error":"no"}' ) ],

    [ tag => 'a tag is not there',        {%tag}, says( 404, 'MANIFEST_UNKNOWN' ) ],
    [ tag => 'a tag redirects in a loop', {%tag}, sends( sub { $_[0]{path} } ) ],
    [ tag => 'a tag redirects on and on', {%tag}, sends( sub { "$_[0]{path}?$_[0]{query}1" } ) ],
    [ tag => 'a tag redirects nowhere',   {%tag}, answers(307) ],
    [
        tag => 'a tag wants a login',
        {%tag_there}, answers( 401, '', 'WWW-Authenticate' => $login )
    ],
    [ tag => 'a tag leads to a page', {%tag}, answers( 200, '<html>Hello' ) ],
    [
        tag => 'a tag tells a wrong digest',
        { %tag_there, method => 'GET' }, with( 'Docker-Content-Digest' => $wrong )
    ],
    [ 'tag-head' => 'HEAD of a tag is not there', { %tag, method => 'HEAD' }, answers(404) ],
    [
        'tag-head' => 'HEAD of a tag tells another digest',
        { %tag_there, method => 'HEAD' }, with( 'Docker-Content-Digest' => $wrong )
    ],
    [
        'tag-head' => 'HEAD of a tag tells another size',
        { %tag_there, method => 'HEAD' }, with( 'Content-Length' => 7 )
    ],
    [ digest => 'a digest is not there',    {%digest}, says( 404, 'MANIFEST_UNKNOWN' ) ],
    [ digest => 'a digest has other bytes', {%digest}, answers( 200, '{"config":{}}' ) ],
    [
        'digest-head' => 'HEAD of a digest is not there',
        { %digest, method => 'HEAD' }, answers(404)
    ],
    [
        platforms => 'a platform is not there',
        { role => 'door', kind => 'manifests', platform => 1 }, says( 404, 'MANIFEST_UNKNOWN' )
    ],

    [ blobs => 'a layer is not there',    {%layer}, says( 404, 'BLOB_UNKNOWN' ) ],
    [ blobs => 'a layer has other bytes', {%layer}, damaged() ],
    [ blobs => 'a layer is cut short',    {%layer}, sub { $_[1]{cut} = 3 } ],
    [ blobs => 'a layer has too much',    {%layer}, with_body( sub { $_[0] . 'x' x 4096 } ) ],
    [
        blobs => 'a layer redirects in a loop',
        { %layer, role => 'door', own => 1 }, sends( sub { $_[0]{path} } )
    ],
    [ 'blobs-head' => 'HEAD of a layer is refused', { %layer, method => 'HEAD' }, answers(403) ],
    [ range => 'Range is passed over',      {%part}, sub { answers( 200, $_[1]{whole} )->(@_) } ],
    [ range => 'Range is refused',          {%part}, answers(416) ],
    [ range => 'Range brings other bytes',  {%part}, damaged() ],
    [ range => 'Range brings another part', {%part}, with( 'Content-Range' => 'bytes 9-12/20' ) ],

    [ tags => 'there is no list of tags',   { %list, query => '' }, says( 404, 'NAME_UNKNOWN' ) ],
    [ tags => 'the list of tags is a page', {%list}, answers( 200, '<html>' ) ],
    [ tags => 'the list lacks a tag',       {%list}, answers( 200, '{"tags":["v0"]}' ) ],
    [
        'tags-pages' => 'the list goes on elsewhere',
        {%list}, sub { with( Link => "<$_[0]{path}?n=1&last=v0>; rel=\"next\"" )->(@_) }
    ],

    [ unsigned => 'an unsigned image is refused',      {%nobodys}, says( 403, 'DENIED' ) ],
    [ unsigned => 'an unsigned image is NAME_UNKNOWN', {%nobodys}, says( 404, 'NAME_UNKNOWN' ) ],
    [ sig      => 'signatures go astray',   { tag_of('sig') }, astray() ],
    [ sig      => 'signatures are denied',  { tag_of('sig') }, says( 404, 'MANIFEST_UNKNOWN' ) ],
    [ att      => 'attestations go astray', { tag_of('att') }, astray() ],
    [
        att => 'attestations break their registry',
        { role => 'canonical', nobodys => 0, ref => qr/\.att\z/ }, answers(500)
    ],
    [ sbom => 'SBOMs go astray', { tag_of('sbom') }, astray() ],
    [
        'signature-digest' => 'signatures by digest go astray',
        { role => 'door', kind => 'manifests', signature => 1 }, astray()
    ],
    [
        'signature-digest' => 'HEAD of a signature by digest goes astray',
        { role => 'door', kind => 'manifests', signature => 1, method => 'HEAD' }, astray()
    ],
    [
        'signature-content' => "signatures' content goes astray",
        { role => 'door', kind => 'blobs', signature => 1 }, astray()
    ],
    [
        'signature-content' => "signatures' content is damaged",
        { role => 'canonical', kind => 'blobs', signature => 1 }, damaged()
    ],

    [ referrers => 'referrers go astray',  { %referrers, query => '' }, astray() ],
    [ referrers => 'referrers are denied', { %referrers, query => '' }, says( 404, 'NOT_FOUND' ) ],
    [
        'referrers-query' => 'the query is dropped',
        {%referrers}, sub { $_[1]{header}{Location} =~ s/\?.*// }
    ],
    [
        'referrers-query' => 'the query is decoded',
        {%referrers}, sub { $_[1]{header}{Location} =~ s/%2B/+/ }
    ],
    [
        'referrers-type' => 'referrers have a charset',
        {%listed},
        with( 'Content-Type' => 'application/vnd.oci.image.index.v1+json; charset=utf-8' )
    ],
    [ 'referrers-type' => 'referrers are no index',     {%listed}, with_body( sub { '[]' } ) ],
    [ 'referrers-type' => 'referrers are refused',      {%listed}, says( 403, 'DENIED' ) ],
    [ 'referrers-type' => 'referrers are NAME_UNKNOWN', {%listed}, says( 404, 'NAME_UNKNOWN' ) ],
    [
        fallback => 'the fallback goes astray',
        { role => 'door', ref => qr/^sha256-[0-9a-f]{64}\z/ }, astray()
    ],
    [
        'referrer-digest' => 'a referrer goes astray',
        { role => 'door', kind => 'manifests', referrer => 1 }, astray()
    ],
    [
        'referrer-content' => "a referrer's content goes astray",
        { role => 'door', kind => 'blobs', referrer => 1 }, astray()
    ],
);

my %fault = map { $_->[1] => $_ } @faults;

# What can be wrong, and the check that finds it, in pairs.
sub faults {
    return map { $_->[1] => $_->[0] } @faults;
}

# Spoils the answer to a question, if the fault of this name is about it.
sub spoil {
    my ( $name, $q, $r ) = @_;
    my ( undef, undef, $about, $change ) = @{ $fault{$name} || return };
    for my $key ( keys %$about ) {
        my $wanted = $about->{$key};
        return if ref $wanted ? $q->{$key} !~ $wanted : $q->{$key} ne $wanted;
    }
    $change->( $q, $r );
    return;
}

1;
