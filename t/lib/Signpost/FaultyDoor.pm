# SPDX-License-Identifier: Apache-2.0
#
# A front door with two registries behind it, one of them canonical, in one process,
# that does all things right but one:
#
#     my $door = Signpost::FaultyDoor->start( $t, 'door', \%regional, \%canonical );
#     $door->break('a layer is cut short');    # one of faults(); '' mends all
#     $door->url, $door->canonical, $door->requests
#
# A registry is { NAME => { tags => { v1 => DIGEST }, things => [thing ...] } }, things as of
# Signpost::Registry. At the registries, names have the prefix "mirror/images".
package Signpost::FaultyDoor;

use strict;
use warnings;

use Digest::SHA    ();
use File::Basename ();
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();

my $prefix = 'mirror/images';
my $json   = JSON::PP->new->canonical->latin1;
my $index  = 'application/vnd.oci.image.index.v1+json';

# ---- the test's side ----

sub start {
    my ( $class, $t, $name, $regional, $canonical ) = @_;
    my %port = map { $_ => $t->port } qw(door regional canonical);
    my $self = bless { t => $t, name => $name, port => \%port, seen => 0 }, $class;
    my %file = map { $_ => $t->folder . "/$name.$_" } qw(content asked fault);
    open my $content, '>:raw', $file{content} or die "$file{content}: $!";
    print {$content} $json->encode( { regional => $regional, canonical => $canonical } );
    close $content or die "$file{content}: $!";
    my $lib = File::Basename::dirname( File::Basename::dirname(__FILE__) );
    $t->start(
        $name,
        [
            $^X, "-I$lib", '-MSignpost::FaultyDoor', '-e',
            'Signpost::FaultyDoor::_serve(@ARGV)',
            @port{qw(door regional canonical)},
            @file{qw(content asked fault)}
        ]
    );
    $t->wait_for_port( $name, $port{door} );
    return $self;
}

sub url       { return "http://127.0.0.1:$_[0]{port}{door}" }
sub port      { return $_[0]{port}{door} }
sub canonical { return "http://127.0.0.1:$_[0]{port}{canonical}/$prefix" }

sub break {
    my ( $self, $fault ) = @_;
    my $file = $self->{t}->folder . "/$self->{name}.fault";
    $self->{t}->file( "$self->{name}.fault.new", $fault );
    rename "$file.new", $file or die "$file: $!";
    return;
}

# What the front door was asked since the last call: "GET /v2/".
sub requests {
    my ($self) = @_;
    my @all    = split /\n/, $self->{t}->slurp("$self->{name}.asked");
    my @new    = @all[ $self->{seen} .. $#all ];
    $self->{seen} = @all;
    return @new;
}

# ---- what can be wrong ----

# Who is asked (q: role, method, path, query, kind, ref, header) and answers (a: status,
# header, body), in the words of the tables below.
sub _at    { my ( $q, $role, $kind ) = @_; return $q->{role} eq $role && $q->{kind} eq $kind }
sub _image { my ($q) = @_; return $q->{role} eq 'door' && $q->{kind} eq 'manifests' && $q->{own} }
sub _layer { my ($q) = @_; return _at( $q, 'regional', 'blobs' ) && !$q->{header}{range} }

sub _signature {
    my ( $q, $suffix ) = @_;
    return _at( $q, 'door', 'manifests' ) && $q->{ref} =~ /\Q$suffix\E\z/ && !$q->{nobodys};
}

sub _become {
    my ( $r, $status, $body, %header ) = @_;
    %$r = ( status => $status, body => $body // '', header => \%header );
    return;
}

sub _say {
    my ( $r, $status, $code ) = @_;
    return _become( $r, $status, qq({"errors":[{"code":"$code"}]}) );
}
sub _send { my ( $r, $where ) = @_; return _become( $r, 307, '', Location => $where ) }

sub _astray {
    my ( $q, $r ) = @_;
    return _send( $r,
        "http://127.0.0.1:$q->{port}{regional}/v2/$prefix/$q->{name}/$q->{kind}/$q->{ref}" );
}

# The check that must find it, and what is done.
my %fault = (
    '/v2/ is not there' => [
        ping => sub { $_[0]{path} eq '/v2/' && $_[0]{method} eq 'GET' and _become( $_[1], 404 ) }
    ],
    '/v2/ is redirected' => [
        ping => sub {
            $_[0]{path} eq '/v2/' && $_[0]{method} eq 'GET'
                and _send( $_[1], '/v2/team/app/manifests/v1' );
        }
    ],
    'HEAD /v2/ is an error' => [
        'ping-head' =>
            sub { $_[0]{path} eq '/v2/' && $_[0]{method} eq 'HEAD' and _become( $_[1], 500 ) }
    ],
    '/v2 is not there' => [ 'ping-bare' => sub { $_[0]{path} eq '/v2' and _become( $_[1], 404 ) } ],
    '/v2/ wants a login' => [
        'ping-headers' => sub {
            $_[0]{path} eq '/v2/'
                and $_[1]{header}{'WWW-Authenticate'} = 'Bearer realm="https://a.example/t"';
        }
    ],
    '/v2/ offers an extension' => [
        'ping-headers' =>
            sub { $_[0]{path} eq '/v2/' and $_[1]{header}{'X-Registry-Supports-Signatures'} = 1 }
    ],

    'PUT is redirected'  => [ methods => sub { $_[0]{method} eq 'PUT' and _astray(@_) } ],
    '405 without Allow'  => [ methods => sub { delete $_[1]{header}{Allow} } ],
    'Allow names DELETE' =>
        [ methods => sub { $_[1]{header}{Allow} and $_[1]{header}{Allow} = 'GET, HEAD, DELETE' } ],
    'HEAD is refused' => [
        head => sub {
            $_[0]{method} eq 'HEAD' && _at( $_[0], 'door', 'tags' )
                and _become( $_[1], 405, '', Allow => 'GET' );
        }
    ],

    'dot segments are resolved behind the prefix' => [
        'dot-segments' => sub {
            my ( $q, $r ) = @_;
            _send( $r, "http://127.0.0.1:$q->{port}{regional}/v2/other/manifests/latest" )
                if $q->{path} =~ m{/\.\./};
        }
    ],
    'dot segments are handed on' => [
        'dot-segments' => sub {
            my ( $q, $r ) = @_;
            my $rest = $q->{path} =~ s{^/v2/}{}r;
            _send( $r, "http://127.0.0.1:$q->{port}{regional}/v2/$prefix/$rest" )
                if $rest =~ /%2e/i;
        }
    ],
    'encoded slashes are handed on' => [
        'dot-segments' => sub {
            my ( $q, $r ) = @_;
            my $rest = $q->{path} =~ s{^/v2/}{}r;
            _send( $r, "http://127.0.0.1:$q->{port}{regional}/v2/$prefix/$rest" )
                if $rest =~ /%2f/i;
        }
    ],
    'an empty segment is handed on' => [
        'dot-segments' => sub {
            my ( $q, $r ) = @_;
            _send( $r, "http://127.0.0.1:$q->{port}{regional}/v2/$prefix$1" )
                if $q->{path} =~ m{^/v2(//.*)};
        }
    ],
    'dot segments are an error' =>
        [ 'dot-segments' => sub { $_[0]{path} =~ m{/\.\./} and _become( $_[1], 500 ) } ],

    'CR and LF are decoded into Location' => [
        injection => sub {
            my ( $q, $r ) = @_;
            _send( $r,
                "http://127.0.0.1:$q->{port}{regional}" . $q->{path} =~
                    s/%([0-9a-f]{2})/chr hex $1/gier )
                if $q->{path} =~ /%0d%0a/;
        }
    ],
    'LF of a query is decoded into Location' => [
        injection => sub {
            my ( $q, $r ) = @_;
            _send( $r,
                "http://127.0.0.1:$q->{port}{regional}$q->{path}?" . $q->{query} =~
                    s/%([0-9a-f]{2})/chr hex $1/gier )
                if $q->{query} =~ /%0a/;
        }
    ],
    'a NUL cuts a tag short' => [
        injection => sub {
            $_[0]{path} =~ /^(.*)%00/
                and _send( $_[1], "http://127.0.0.1:$_[0]{port}{regional}$1" );
        }
    ],

    'a bad digest is an error' =>
        [ 'bad-digest' => sub { $_[0]{path} =~ /sha256:12\z/ and _become( $_[1], 502 ) } ],
    'a bad digest is served' =>
        [ 'bad-digest' => sub { $_[0]{path} =~ /sha256:zz/ and _become( $_[1], 200, '{}' ) } ],
    'a long tag is called bad' =>
        [ 'long-tag' => sub { length $_[0]{ref} > 128 and _say( $_[1], 400, 'TAG_INVALID' ) } ],
    'a long tag breaks it' =>
        [ 'long-tag' => sub { length $_[0]{ref} > 128 and _become( $_[1], 500 ) } ],
    'errors say NAME_UNKNOWN' =>
        [ errors => sub { length $_[0]{ref} > 128 and _say( $_[1], 404, 'NAME_UNKNOWN' ) } ],
    'errors are other JSON' =>
        [ errors => sub { length $_[0]{ref} > 128 and _become( $_[1], 404, '{"error":"no"}' ) } ],

    'a tag is not there' => [
        tag =>
            sub { _image( $_[0] ) && $_[0]{ref} eq 'v1' and _say( $_[1], 404, 'MANIFEST_UNKNOWN' ) }
    ],
    'a tag redirects in a loop' =>
        [ tag => sub { _image( $_[0] ) && $_[0]{ref} eq 'v1' and _send( $_[1], $_[0]{path} ) } ],
    'a tag redirects on and on' => [
        tag => sub {
            _image( $_[0] ) && $_[0]{ref} eq 'v1' and _send( $_[1], "$_[0]{path}?$_[0]{query}1" );
        }
    ],
    'a tag redirects nowhere' =>
        [ tag => sub { _image( $_[0] ) && $_[0]{ref} eq 'v1' and _become( $_[1], 307 ) } ],
    'a tag wants a login' => [
        tag => sub {
            _at( $_[0], 'regional', 'manifests' ) && $_[0]{ref} eq 'v1'
                and _become( $_[1], 401, '',
                'WWW-Authenticate' => 'Bearer realm="https://a.example/t"' );
        }
    ],
    'a tag leads to a page' => [
        tag =>
            sub { _image( $_[0] ) && $_[0]{ref} eq 'v1' and _become( $_[1], 200, '<html>Hello' ) }
    ],
    'a tag tells a wrong digest' => [
        tag => sub {
            _at( $_[0], 'regional', 'manifests' ) && $_[0]{method} eq 'GET' && $_[0]{ref} eq 'v1'
                and $_[1]{header}{'Docker-Content-Digest'} = 'sha256:' . '1' x 64;
        }
    ],
    'HEAD of a tag is not there' => [
        'tag-head' => sub {
            _image( $_[0] ) && $_[0]{method} eq 'HEAD' && $_[0]{ref} eq 'v1'
                and _become( $_[1], 404 );
        }
    ],
    'HEAD of a tag tells another digest' => [
        'tag-head' => sub {
            _at( $_[0], 'regional', 'manifests' ) && $_[0]{method} eq 'HEAD' && $_[0]{ref} eq 'v1'
                and $_[1]{header}{'Docker-Content-Digest'} = 'sha256:' . '1' x 64;
        }
    ],
    'HEAD of a tag tells another size' => [
        'tag-head' => sub {
            _at( $_[0], 'regional', 'manifests' ) && $_[0]{method} eq 'HEAD' && $_[0]{ref} eq 'v1'
                and $_[1]{header}{'Content-Length'} = 7;
        }
    ],
    'a digest is not there' => [
        digest =>
            sub { _image( $_[0] ) && $_[0]{ref} =~ /:/ and _say( $_[1], 404, 'MANIFEST_UNKNOWN' ) }
    ],
    'a digest has other bytes' => [
        digest =>
            sub { _image( $_[0] ) && $_[0]{ref} =~ /:/ and _become( $_[1], 200, '{"config":{}}' ) }
    ],
    'HEAD of a digest is not there' => [
        'digest-head' => sub {
            _image( $_[0] ) && $_[0]{ref} =~ /:/ && $_[0]{method} eq 'HEAD'
                and _become( $_[1], 404 );
        }
    ],
    'a platform is not there' => [
        platforms => sub {
            _at( $_[0], 'door', 'manifests' ) && $_[0]{platform}
                and _say( $_[1], 404, 'MANIFEST_UNKNOWN' );
        }
    ],

    'a layer is not there' => [
        blobs =>
            sub { _layer( $_[0] ) && $_[0]{method} eq 'GET' and _say( $_[1], 404, 'BLOB_UNKNOWN' ) }
    ],
    'a layer has other bytes' => [
        blobs =>
            sub { _layer( $_[0] ) && $_[1]{body} ne '' and substr( $_[1]{body}, 0, 1 ) ^= "\1" }
    ],
    'a layer is cut short' => [
        blobs => sub {
            _layer( $_[0] ) && $_[0]{method} eq 'GET' && $_[1]{body} ne '' and $_[1]{cut} = 3;
        }
    ],
    'a layer has too much' => [
        blobs => sub { _layer( $_[0] ) && $_[0]{method} eq 'GET' and $_[1]{body} .= 'x' x 4096 }
    ],
    'a layer redirects in a loop' => [
        blobs => sub {
            _at( $_[0], 'door', 'blobs' )
                && $_[0]{own}
                && !$_[0]{header}{range}
                && $_[0]{method} eq 'GET'
                and _send( $_[1], $_[0]{path} );
        }
    ],
    'HEAD of a layer is refused' => [
        'blobs-head' => sub { _layer( $_[0] ) && $_[0]{method} eq 'HEAD' and _become( $_[1], 403 ) }
    ],
    'Range is passed over' => [
        range => sub {
            _at( $_[0], 'regional', 'blobs' ) && $_[0]{header}{range}
                and _become( $_[1], 200, $_[1]{whole} );
        }
    ],
    'Range brings other bytes' => [
        range => sub {
            _at( $_[0], 'regional', 'blobs' ) && $_[0]{header}{range}
                and substr( $_[1]{body}, 0, 1 ) ^= "\1";
        }
    ],
    'Range brings another part' => [
        range => sub {
            _at( $_[0], 'regional', 'blobs' ) && $_[0]{header}{range}
                and $_[1]{header}{'Content-Range'} =~ s/bytes \d/bytes 9/;
        }
    ],
    'Range is refused' => [
        range => sub {
            _at( $_[0], 'regional', 'blobs' ) && $_[0]{header}{range} and _become( $_[1], 416 );
        }
    ],

    'there is no list of tags' => [
        tags => sub {
            _at( $_[0], 'regional', 'tags' ) && !$_[0]{query}
                and _say( $_[1], 404, 'NAME_UNKNOWN' );
        }
    ],
    'the list of tags is a page' => [
        tags => sub {
            _at( $_[0], 'regional', 'tags' ) && !$_[0]{query} and _become( $_[1], 200, '<html>' );
        }
    ],
    'the list lacks a tag' => [
        tags =>
            sub { _at( $_[0], 'regional', 'tags' ) and _become( $_[1], 200, '{"tags":["v0"]}' ) }
    ],
    'the list goes on elsewhere' => [
        'tags-pages' => sub {
            my ( $q, $r ) = @_;
            $r->{header}{Link} = "<$q->{path}?n=1&last=v0>; rel=\"next\""
                if _at( $q, 'regional', 'tags' );
        }
    ],

    'an unsigned image is refused' => [
        unsigned => sub {
            _at( $_[0], 'canonical', 'manifests' ) && $_[0]{nobodys}
                and _say( $_[1], 403, 'DENIED' );
        }
    ],
    'an unsigned image is NAME_UNKNOWN' => [
        unsigned => sub {
            _at( $_[0], 'canonical', 'manifests' ) && $_[0]{nobodys}
                and _say( $_[1], 404, 'NAME_UNKNOWN' );
        }
    ],
    'signatures go astray'  => [ sig => sub { _signature( $_[0], '.sig' ) and _astray(@_) } ],
    'signatures are denied' =>
        [ sig => sub { _signature( $_[0], '.sig' ) and _say( $_[1], 404, 'MANIFEST_UNKNOWN' ) } ],
    'attestations go astray' => [ att  => sub { _signature( $_[0], '.att' )  and _astray(@_) } ],
    'SBOMs go astray'        => [ sbom => sub { _signature( $_[0], '.sbom' ) and _astray(@_) } ],
    'signatures by digest go astray' => [
        'signature-digest' =>
            sub { _at( $_[0], 'door', 'manifests' ) && $_[0]{signature} and _astray(@_) }
    ],
    'HEAD of a signature by digest goes astray' => [
        'signature-digest' => sub {
            _at( $_[0], 'door', 'manifests' ) && $_[0]{signature} && $_[0]{method} eq 'HEAD'
                and _astray(@_);
        }
    ],
    "signatures' content goes astray" => [
        'signature-content' =>
            sub { _at( $_[0], 'door', 'blobs' ) && $_[0]{signature} and _astray(@_) }
    ],
    "signatures' content is damaged" => [
        'signature-content' => sub {
            _at( $_[0], 'canonical', 'blobs' ) && $_[0]{signature} and $_[1]{body} =~ tr/a-z/b-za/;
        }
    ],

    'referrers go astray' => [
        referrers =>
            sub { _at( $_[0], 'door', 'referrers' ) && $_[0]{own} && !$_[0]{query} and _astray(@_) }
    ],
    'referrers are denied' => [
        referrers => sub {
            _at( $_[0], 'door', 'referrers' ) && $_[0]{own} && !$_[0]{query}
                and _say( $_[1], 404, 'NOT_FOUND' );
        }
    ],
    'the query is dropped' => [
        'referrers-query' => sub {
            _at( $_[0], 'door', 'referrers' ) && $_[0]{own} and $_[1]{header}{Location} =~ s/\?.*//;
        }
    ],
    'the query is decoded' => [
        'referrers-query' => sub {
            _at( $_[0], 'door', 'referrers' ) && $_[0]{own} and $_[1]{header}{Location} =~ s/%2B/+/;
        }
    ],
    'referrers have a charset' => [
        'referrers-type' => sub {
            _at( $_[0], 'canonical', 'referrers' )
                and $_[1]{header}{'Content-Type'} .= '; charset=utf-8';
        }
    ],
    'referrers are no index' => [
        'referrers-type' => sub { _at( $_[0], 'canonical', 'referrers' ) and $_[1]{body} = '[]' }
    ],
    'referrers are refused' => [
        'referrers-type' =>
            sub { _at( $_[0], 'canonical', 'referrers' ) and _say( $_[1], 403, 'DENIED' ) }
    ],
    'referrers are NAME_UNKNOWN' => [
        'referrers-type' =>
            sub { _at( $_[0], 'canonical', 'referrers' ) and _say( $_[1], 404, 'NAME_UNKNOWN' ) }
    ],
    'the fallback goes astray' => [
        fallback => sub {
            _at( $_[0], 'door', 'manifests' ) && $_[0]{ref} =~ /^sha256-[0-9a-f]{64}\z/
                and _astray(@_);
        }
    ],
    'a referrer goes astray' => [
        'referrer-digest' =>
            sub { _at( $_[0], 'door', 'manifests' ) && $_[0]{referrer} and _astray(@_) }
    ],
    "a referrer's content goes astray" => [
        'referrer-content' =>
            sub { _at( $_[0], 'door', 'blobs' ) && $_[0]{referrer} and _astray(@_) }
    ],
);

# The names of what can be wrong, and the check that finds it.
sub faults {
    return map { $_ => $fault{$_}[0] } keys %fault;
}

# ---- the registries ----

sub digest_of { return 'sha256:' . Digest::SHA::sha256_hex( $_[0] ) }

# All that a registry has of a repository: { manifests => {}, blobs => {} }, by digest.
sub _stock {
    my ($repository) = @_;
    my %stock        = ( tags => $repository->{tags}, manifests => {}, blobs => {} );
    my @things       = @{ $repository->{things} };
    while ( my $thing = shift @things ) {
        push @things, @{ $thing->{parts} || [] };
        $stock{manifests}{ $thing->{digest} } = $thing;
        $stock{blobs}{ digest_of($_) } = $_ for @{ $thing->{blobs} || [] };
    }
    return \%stock;
}

sub _answer {
    my ( $status, $body, %header ) = @_;
    return { status => $status, body => $body // '', header => \%header };
}

sub _error {
    my ( $status, $code ) = @_;
    return _answer( $status, qq({"errors":[{"code":"$code"}]}),
        'Content-Type' => 'application/json' );
}

sub _registry {
    my ( $stock, $q ) = @_;
    return _answer(200) if $q->{kind} eq '';
    my $here = $stock->{ $q->{name} } or return _error( 404, 'MANIFEST_UNKNOWN' );
    if ( $q->{kind} eq 'manifests' ) {
        my $thing = $here->{manifests}{ $here->{tags}{ $q->{ref} } // $q->{ref} }
            or return _error( 404, 'MANIFEST_UNKNOWN' );
        return _answer(
            200, $thing->{bytes},
            'Content-Type'          => $thing->{type},
            'Docker-Content-Digest' => $thing->{digest}
        );
    }
    if ( $q->{kind} eq 'blobs' ) {
        my $bytes = $here->{blobs}{ $q->{ref} } // return _error( 404, 'BLOB_UNKNOWN' );
        return _part( $bytes, $q->{header}{range} );
    }
    return _answer( 200, $json->encode( { tags => [ sort keys %{ $here->{tags} } ] } ) )
        if $q->{kind} eq 'tags';
    my @referrers =
        grep { ( $json->decode( $_->{bytes} )->{subject}{digest} // '' ) eq $q->{ref} }
        values %{ $here->{manifests} };
    my @list =
        map { { mediaType => $_->{type}, digest => $_->{digest}, size => length $_->{bytes} } }
        @referrers;
    return _answer(
        200,
        $json->encode( { schemaVersion => 2, manifests => \@list } ),
        'Content-Type' => $index
    );
}

sub _part {
    my ( $bytes, $range ) = @_;
    my ( $first, $last )  = ( $range // '' ) =~ /^bytes=(\d+)-(\d*)$/
        or return _answer( 200, $bytes );
    $last = length($bytes) - 1 if $last eq '';
    my $answer = _answer(
        206,
        substr( $bytes, $first, $last + 1 - $first ),
        'Content-Range' => "bytes $first-$last/" . length $bytes
    );
    $answer->{whole} = $bytes;
    return $answer;
}

# ---- the front door ----

sub _door {
    my ( $stock, $q ) = @_;
    return _answer( 405, '', Allow => 'GET, HEAD' ) if $q->{method} !~ /^(?:GET|HEAD)$/;
    return _answer(200)                             if $q->{path}   =~ m{^/v2/?\z};
    my $digest = qr/sha256:[0-9a-f]{64}/;
    my $good =
          $q->{kind} eq 'manifests' ? $q->{ref} =~ /^(?:$digest|\w[\w.-]{0,127})\z/
        : $q->{kind} eq 'tags'      ? $q->{ref} eq 'list'
        :                             $q->{ref} =~ /^$digest\z/;
    return _error( $q->{ref} =~ /:/ ? ( 400, 'DIGEST_INVALID' ) : ( 404, 'MANIFEST_UNKNOWN' ) )
        if !$q->{kind} || !$good;
    my $to =
           $q->{kind} eq 'referrers'
        || $q->{signature}
        || $q->{referrer}
        || $q->{ref} =~ /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?\z/ ? 'canonical' : 'regional';
    my $query = $q->{kind} eq 'referrers' && $q->{query} ne '' ? "?$q->{query}" : '';
    return _answer( 307, '',
        Location =>
            "http://127.0.0.1:$q->{port}{$to}/v2/$prefix/$q->{name}/$q->{kind}/$q->{ref}$query" );
}

# ---- the process ----

# What is asked of a registry, or of the front door, and what is known of it.
sub _question {
    my ( $role, $stock, $port, $method, $target, $header ) = @_;
    my ( $path, $query ) = split /\?/, $target, 2;
    my $stem = $role eq 'door' ? '/v2' : "/v2/$prefix";
    my %q    = (
        role   => $role,
        port   => $port,
        method => $method,
        path   => $path,
        query  => $query // '',
        header => $header
    );
    @q{qw(name kind ref)} =
        $path =~
        m{^$stem/([a-z0-9]+(?:[-./][a-z0-9]+)*)/(manifests|blobs|tags|referrers)/([\w.:-]+)\z}
        ? ( $1, $2, $3 )
        : ( '', '', '' );
    my ( $near, $far ) = map { $stock->{$_}{ $q{name} } || {} } qw(regional canonical);
    my $kind = $q{kind} eq 'blobs' ? 'blobs' : 'manifests';
    my $held = exists $near->{$kind}{ $q{ref} };
    $q{platform} =
        $near->{manifests}{ $q{ref} } && !grep { $_ eq $q{ref} } values %{ $near->{tags} };
    $q{own} = ( $held && !$q{platform} ) || exists $near->{tags}{ $q{ref} };
    $q{nobodys} =
        $q{ref} =~ /\.sig\z/ && !exists $far->{tags}{ $q{ref} } && !_is_subject( $near, $q{ref} );

    for my $what ( $held ? () : values %{ $far->{manifests} } ) {
        next
            if $what->{digest} ne $q{ref} && !grep { digest_of($_) eq $q{ref} } @{ $what->{blobs} };
        $q{ $what->{bytes} =~ /"subject"/ ? 'referrer' : 'signature' } = 1;
    }
    return \%q;
}

sub _is_subject {
    my ( $near, $tag ) = @_;
    return grep { $tag eq s/:/-/r . '.sig' } keys %{ $near->{manifests} };
}

sub _slurp {
    my ($name) = @_;
    open my $file, '<:raw', $name or return '';
    local $/ = undef;
    return scalar <$file> // '';
}

sub _text {
    my ( $q, $r ) = @_;
    my $body   = $q->{method} eq 'HEAD' ? '' : $r->{body};
    my %header = ( 'Content-Length' => length $r->{body}, %{ $r->{header} } );
    my $text   = join '', "HTTP/1.1 $r->{status} So\r\n",
        ( map { "$_: $header{$_}\r\n" } sort keys %header ), "\r\n", $body;
    substr( $text, -$r->{cut} ) = '' if $r->{cut};
    return $text;
}

sub _serve {
    my ( @ports, @files ) = ( @_[ 0 .. 2 ] );
    my ( $content, $asked, $fault_file ) = @_[ 3 .. 5 ];
    my %port;
    @port{qw(door regional canonical)} = @ports;
    my $given = $json->decode( _slurp($content) );
    my %stock = map {
        my $registry = $given->{$_};
        $_ => { map { $_ => _stock( $registry->{$_} ) } keys %$registry }
    } qw(regional canonical);
    open my $log, '>>', $asked or die "$asked: $!";
    $log->autoflush;
    local $SIG{PIPE} = 'IGNORE';
    my ( %role, %bytes );
    my $select = IO::Select->new;
    for my $role (qw(regional canonical door)) {
        my $listener = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1',
            LocalPort => $port{$role},
            Listen    => 256,
            ReuseAddr => 1
        ) or die "port $port{$role}: $!";
        $role{$listener} = $role;
        $select->add($listener);
    }
    while (1) {
        for my $c ( $select->can_read ) {
            if ( $role{$c} && !defined $bytes{$c} ) {
                my $new = $c->accept or next;
                @role{$new}  = $role{$c};
                $bytes{$new} = '';
                $select->add($new);
                next;
            }
            my $open = sysread $c, $bytes{$c}, 65536, length $bytes{$c};
            while ( $open && $bytes{$c} =~ s/^([A-Z]+) (\S+) [^\n]*\r\n(.*?)\r\n\r\n//s ) {
                my ( $method, $target, $head ) = ( $1, $2, $3 );
                my %header = map { /^([^:]+):\s*(.*)/ ? ( lc $1 => $2 ) : () } split /\r\n/, $head;
                print {$log} "$method $target\n" if $role{$c} eq 'door';
                $open =
                    _reply( $c, _slurp($fault_file), $role{$c}, \%stock, \%port, $method, $target,
                    \%header );
            }
            if ( !$open ) {
                $select->remove($c);
                delete $bytes{$c};
                delete $role{$c};
                close $c;
            }
        }
    }
    return;
}

# Answers one request; false if the connection is to be closed.
sub _reply {
    my ( $c, $wrong, $role, $stock, $port, $method, $target, $header ) = @_;
    my $q = _question( $role, $stock, $port, $method, $target, $header );
    return 1 if $wrong =~ /^silent (.*)/ && $role eq 'door' && $target =~ /$1/;
    my $r = $role eq 'door' ? _door( $stock, $q ) : _registry( $stock->{$role}, $q );
    $fault{$wrong}[1]->( $q, $r ) if $fault{$wrong};
    syswrite $c, _text( $q, $r );
    return !$r->{cut};
}

1;
