# SPDX-License-Identifier: Apache-2.0
#
# A front door with two registries behind it, one of them canonical, in one process,
# that does all things right but one, which Signpost::Faults lists:
#
#     my $door = Signpost::FaultyDoor->start( $t, 'door', \%regional, \%canonical );
#     $door->break('a layer is cut short');    # '' mends all; 'silent PATTERN', 'busy': see below
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
use JSON::PP         ();
use Signpost::Faults qw(spoil);

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
        return _part( $bytes, $q->{range} );
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
    my ($q) = @_;
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

# What is asked of the front door or of a registry (role), and what is known of it: kind and
# ref are empty outside the grammar; all of these are defined, for Signpost::Faults.
sub _question {
    my ( $role, $stock, $port, $method, $target, $header ) = @_;
    my ( $path, $query ) = split /\?/, $target, 2;
    my $stem = $role eq 'door' ? '/v2' : "/v2/$prefix";
    my $name = qr{[a-z0-9]+(?:[-./][a-z0-9]+)*};
    my %q    = (
        role   => $role,
        port   => $port,
        method => $method,
        path   => $path,
        query  => $query // '',
        range  => $header->{range},
        part   => $header->{range} ? 1 : 0,
    );
    @q{qw(name kind ref)} = ('') x 3;
    @q{qw(name kind ref)} = ( $1, $2, $3 )
        if $path =~ m{^$stem/($name)/(manifests|blobs|tags|referrers)/([\w.:-]+)\z};
    return { %q, _known( $stock, \%q ) };
}

# Whether what is asked for is an image's own, a platform's, or belongs to a signature or a
# referrer that the canonical registry alone has; or is the signature of nothing there.
sub _known {
    my ( $stock, $q )  = @_;
    my ( $name, $ref ) = @$q{qw(name ref)};
    my ( $near, $far ) = map { $stock->{$_}{$name} || {} } qw(regional canonical);
    my $held   = exists $near->{ $q->{kind} eq 'blobs' ? 'blobs' : 'manifests' }{$ref};
    my $tagged = grep { $_ eq $ref } values %{ $near->{tags} };
    my %known  = ( signature => 0, referrer => 0 );
    $known{platform} = exists $near->{manifests}{$ref} && !$tagged              ? 1 : 0;
    $known{own}      = $held && !$known{platform} || exists $near->{tags}{$ref} ? 1 : 0;
    my ($signed) = $ref =~ /^(.*)\.sig\z/;
    my %tag = map { s/:/-/r => 1 } keys %{ $near->{manifests} };
    $known{nobodys} = defined $signed && !$tag{$signed} ? 1 : 0;

    for my $thing ( $held ? () : values %{ $far->{manifests} } ) {
        next if !grep { $_ eq $ref } $thing->{digest}, map { digest_of($_) } @{ $thing->{blobs} };
        $known{ $thing->{bytes} =~ /"subject"/ ? 'referrer' : 'signature' } = 1;
    }
    return %known;
}

sub _slurp {
    my ($name) = @_;
    open my $file, '<:raw', $name or return '';
    local $/ = undef;
    return scalar <$file> // '';
}

# Answers one request; false if the connection is to be closed. Two ways to break it are no
# faults: not to answer what matches a pattern, and to answer 429 to every other request.
sub _reply {
    my ( $c, $wrong, $stock, $q ) = @_;
    return 1 if $wrong =~ /^silent (.*)/ && $q->{role} eq 'door' && $q->{path} =~ /$1/;
    my $r = $q->{role} eq 'door' ? _door($q) : _registry( $stock->{ $q->{role} }, $q );
    $r = _answer( 429, '', 'Retry-After' => 0 ) if $wrong eq 'busy' && $q->{number} % 2;
    spoil( $wrong, $q, $r );
    my $body   = $q->{method} eq 'HEAD' ? '' : $r->{body};
    my %header = ( 'Content-Length' => length $r->{body}, %{ $r->{header} } );
    my $text   = join '', "HTTP/1.1 $r->{status} So\r\n",
        ( map { "$_: $header{$_}\r\n" } sort keys %header ), "\r\n", $body;
    substr( $text, -$r->{cut} ) = '' if $r->{cut};
    syswrite $c, $text;
    return !$r->{cut};
}

sub _listen {
    my ($port) = @_;
    return IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $port,
        Listen    => 256,
        ReuseAddr => 1
    ) || die "port $port: $!";
}

sub _serve {
    my %port;
    ( @port{qw(door regional canonical)}, my ( $content, $asked, $fault ) ) = @_;
    my $given = $json->decode( _slurp($content) );
    my %stock;
    for my $role (qw(regional canonical)) {
        $stock{$role}{$_} = _stock( $given->{$role}{$_} ) for keys %{ $given->{$role} };
    }
    open my $log, '>>', $asked or die "$asked: $!";
    $log->autoflush;
    local $SIG{PIPE} = 'IGNORE';
    my ( %role, %bytes, %listens );
    for my $role (qw(regional canonical door)) {
        my $listener = _listen( $port{$role} );
        $role{$listener}    = $role;
        $listens{$listener} = $listener;
    }
    my $select = IO::Select->new( values %listens );
    my $number = 0;
    while (1) {
        for my $c ( $select->can_read ) {
            if ( $listens{$c} ) {
                my $new = $c->accept or next;
                $role{$new}  = $role{$c};
                $bytes{$new} = '';
                $select->add($new);
                next;
            }
            my $open = sysread $c, $bytes{$c}, 65536, length $bytes{$c};
            while ( $open && $bytes{$c} =~ s/^([A-Z]+) (\S+) [^\n]*\r\n(.*?)\r\n\r\n//s ) {
                my ( $method, $target, $head ) = ( $1, $2, $3 );
                my %header = map { /^([^:]+):\s*(.*)/ ? ( lc $1 => $2 ) : () } split /\r\n/, $head;
                print {$log} "$method $target\n" if $role{$c} eq 'door';
                my $q = _question( $role{$c}, \%stock, \%port, $method, $target, \%header );
                $q->{number} = ++$number;
                $open = _reply( $c, _slurp($fault), \%stock, $q );
            }
            next if $open;
            $select->remove($c);
            delete $bytes{$c};
            delete $role{$c};
            close $c;
        }
    }
    return;
}

1;
