# SPDX-License-Identifier: Apache-2.0
#
# What archeio, Kubernetes' redirector, answered to some 700 requests, replayed:
# every row that needs neither address ranges nor an existence check. signpost
# gives the same status and Location, or differs in a way that has a name, a
# reason and a count below.
#
# The rows go over HTTP through lighttpd, whose URL normalisation is off, so that
# every target arrives as it was sent. What lighttpd answers by itself, or what it
# would change (see direct), goes to the same process over FastCGI.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP          ();
use Signpost::Servers qw(signpost lighttpd);
use Signpost::Test;
use Signpost::Wire qw(http fastcgi);
use Test::More;

my $t    = Signpost::Test->new->need('lighttpd');
my $file = $t->source('../shared/data/oracle/http.jsonl');
$t->skip_all("archeio's recorded answers are not here ($file)") if !-e $file;

my $upstream  = 'https://us-central1-docker.pkg.dev';
my $canonical = 'https://europe-west1-docker.pkg.dev';    # of signatures, when set
my $prefix    = 'k8s-artifacts-prod/images';
my %page      = (
    '/'        => 'https://github.com/kubernetes/registry.k8s.io',
    '/privacy' => 'https://www.linuxfoundation.org/privacy-policy/',
);

# archeio's own variables, and no file, configure signpost as they do archeio.
my %archeio = (
    UPSTREAM_REGISTRY_ENDPOINT => $upstream,
    UPSTREAM_REGISTRY_PATH     => $prefix,
    DEFAULT_AWS_BASE_URL       => 'https://d1be1w964nk82h.cloudfront.net',
);

# The grammar, as the specification has it.
my $hex      = qr/[0-9a-f]{64}/;
my $digest   = qr/sha256:$hex|(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+/;
my $tag      = qr/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}/;
my $part     = qr/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/;
my $name     = qr{$part(?:/$part)*};
my $endpoint = qr{(?:manifests|blobs)/[^/]+|tags/list};

# Why signpost differs. Each class: a name that says how; a predicate over the row;
# what is answered here: a status, or the target of a redirect; and how many rows it
# holds with the signature upstream unset and set. The first that fits is taken.
my @classes = (
    {
        name  => "OPTIONS * is answered by archeio's HTTP library; here it is a method like others",
        fits  => sub { "$_->{method} $_->{target}" eq 'OPTIONS *' },
        gives => 405,
        count => [ 1, 1 ],
    },
    {
        name => 'not a URI (a bad escape, a raw space or control byte): 404, as for any other path',
        fits => sub { $_->{target} =~ m{%(?![0-9A-Fa-f]{2})|[\x00-\x20\x7f]} },
        gives => 404,
        count => [ 5, 5 ],
    },
    {
        name  => 'a target that is no path: 404, since a web server would not have let it in',
        fits  => sub { $_->{target} !~ m{^(?:/|http://|\*\z)} },
        gives => 404,
        count => [ 1, 1 ],
    },
    {
        name  => 'a fragment does not belong to a request: cut off, not looked up',
        fits  => sub { $_->{target} =~ /#/ },
        gives => sub {
            my $path = $_->{target} =~ s/#.*//r;
            return $page{$path} // "$upstream/v2/$prefix" . $path =~ s{^/v2}{}r;
        },
        count => [ 2, 2 ],
    },
    {
        name  => 'an encoded control byte: 404',
        fits  => sub { path() =~ /[\x00-\x1f\x7f]/ },
        gives => 404,
        count => [ 5, 5 ],
    },
    {
        name  => 'dot segments and encoded slashes lead out of the prefix: 404',
        fits  => sub { path() =~ m{/\.\.?(?:/|\z)} || $_->{target} =~ /%2f/i },
        gives => 404,
        count => [ 22, 22 ],
    },
    {
        name  => 'a fixed page is this path alone, not all that begins with it: 404',
        fits  => sub { path() =~ m{^/privacy.} },
        gives => 404,
        count => [ 2, 2 ],
    },
    {
        name  => '/v2 with something behind it is not /v2/: 404',
        fits  => sub { path() =~ m{^/v2[^/]} },
        gives => 404,
        count => [ 7, 7 ],
    },
    {
        name  => 'referrers of something that is no digest: 400, as the specification has it',
        fits  => sub { path() =~ m{^/v2/.+/referrers/([^/]*)\z} && $1 !~ /^$digest\z/ },
        gives => 400,
        count => [ 1, 1 ],
    },
    {
        name  => 'referrers go to the canonical registry, and keep their query',
        fits  => sub { path() =~ m{^/v2/$name/referrers/$digest\z} },
        gives => sub { signatures() . "/v2/$prefix" . $_->{target} =~ s{^/v2}{}r },
        count => [ 1, 1 ],
    },
    {
        name  => 'the referrers fallback tag goes to the canonical registry',
        fits  => sub { path() =~ m{^/v2/$name/manifests/sha(?:256|512)-$hex\z} },
        gives => sub { signatures() . "/v2/$prefix" . path() =~ s{^/v2}{}r },
        count => [ 0, 1 ],
    },
    {
        name  => 'the query of a manifest is kept',
        fits  => sub { path() =~ m{^/v2/$name/manifests/$tag\z} && $_->{target} =~ /\?./ },
        gives => sub { "$upstream/v2/$prefix" . $_->{target} =~ s{^/v2}{}r },
        count => [ 1, 1 ],
    },
    {
        name  => 'lists of tags come from the canonical registry, where the tags of signatures are',
        fits  => sub { path()                                =~ m{^/v2/$name/tags/list\z} },
        gives => sub { signatures() . "/v2/$prefix" . path() =~ s{^/v2}{}r },
        count => [ 0, 2 ],
    },
    {
        name => 'a manifest by digest, which no region is known to hold, goes to the canonical'
            . ' registry',
        fits  => sub { path()                                =~ m{^/v2/$name/manifests/$digest\z} },
        gives => sub { signatures() . "/v2/$prefix" . path() =~ s{^/v2}{}r },
        count => [ 0, 1 ],
    },
    {
        name  => 'empty segments and a final slash are not in the grammar: 404',
        fits  => sub { path() =~ m{^/v2/(?:.*/)?/|^/v2/.+/\z} },
        gives => 404,
        count => [ 12, 12 ],
    },
    {
        name  => 'an upload is never read: 404',
        fits  => sub { path() =~ m{^/v2/.+/blobs/uploads/} },
        gives => 404,
        count => [ 2, 2 ],
    },
    {
        name  => 'outside the distribution API (no name, or no such endpoint): 404',
        fits  => sub { path() =~ m{^/v2/.} && path() !~ m{^/v2/.+/$endpoint\z} },
        gives => 404,
        count => [ 13, 13 ],
    },
    {
        name  => 'a name outside the grammar: 404',
        fits  => sub { path() =~ m{^/v2/(.+)/$endpoint\z} && $1 !~ /^$name\z/ },
        gives => 404,
        count => [ 13, 13 ],
    },
    {
        name => 'a digest outside the grammar, or of the wrong length: 404',
        fits => sub {
            path() =~ m{/(?:blobs/([^/]*)|manifests/([^/]*:[^/]*))\z}
                && ( $1 // $2 ) !~ /^$digest\z/;
        },
        gives => 404,
        count => [ 7, 7 ],
    },
    {
        name  => 'a tag outside the grammar: 404',
        fits  => sub { path() =~ m{/manifests/([^/:]*)\z} && $1 !~ /^$tag\z/ },
        gives => 404,
        count => [ 4, 4 ],
    },
    {
        name  => 'an address that cannot be understood is a client of unknown place, not an error',
        fits  => sub { $_->{status} == 400 && path()   =~ m{^/v2/$name/blobs/$digest\z} },
        gives => sub { "$upstream/v2/$prefix" . path() =~ s{^/v2}{}r },
        count => [ 18, 18 ],
    },
);

# The path of the row that is looked at, decoded, without its query.
sub path {
    my ($path) = $_->{target} =~ m{^(?:http://[^/]*)?([^?]*)};
    return $path =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}

# Where signatures go for this row.
sub signatures { return $_->{signature_upstream} ? $canonical : $upstream }

sub rows {
    open my $lines, '<:raw', $file or die "$file: $!";
    my @rows = map { JSON::PP::decode_json($_) } <$lines>;
    for my $row (@rows) {
        utf8::encode( $row->{$_} ) for grep { defined $row->{$_} } qw(target location);
    }
    return @rows;
}

# A blob that archeio sent on unchecked, though it could have been checked, is asked
# for by a client whose address it found in Google's ranges.
sub needs_ranges {
    my ($row) = @_;
    return 0 if $row->{status} != 307 || $row->{group} =~ /^(?:cosign|name)$/;
    return $row->{target} =~ m{^/v2/$name/blobs/sha256:$hex$};
}

# Does lighttpd answer this by itself, or change it or the answer?
sub direct {
    my ($row)    = @_;
    my ($remote) = $row->{remote} =~ /^\[?(.*?)\]?:\d+$/;
    return 1 if $row->{method} eq 'HEAD';               # lighttpd cuts a body off
    return 1 if $row->{target} !~ m{^/};                # 400
    return 1 if $row->{target} =~ /[\x00-\x20\x7f]/;    # 400, or the target is cut
    return 1 if $row->{method} !~ /^[A-Z]+$/ || $row->{method} eq 'GETX';    # 501
    return 1 if $row->{group} eq 'remote' && ( $remote // '' ) !~ /^\d+(?:\.\d+){3}$/;    # no peer
    return 0;
}

sub ask {
    my ( $socket, $port, $row ) = @_;
    my @headers = map { @$_ } @{ $row->{headers} };
    return http( $port, $row->{method}, $row->{target}, @headers ) if !direct($row);
    my %variables = (
        REQUEST_METHOD => $row->{method},
        REQUEST_URI    => $row->{target},
        REMOTE_ADDR    => $row->{remote} =~ s/:\d+$//r,
        SCRIPT_NAME    => '',
        PATH_INFO      => $row->{target} =~ s/\?.*//sr,
        QUERY_STRING   => $row->{target} =~ s/^[^?]*\??//sr,
    );
    while ( my ( $name, $value ) = splice @headers, 0, 2 ) {
        $variables{ 'HTTP_' . uc $name =~ tr/-/_/r } = $value;
    }
    return fastcgi( $socket, \%variables );
}

# "307 https://…" or "404".
sub gist {
    my ( $status, $location ) = @_;
    return join ' ', $status // 'nothing', $location // ();
}

# Methods are refused alike everywhere, so a class is about GET and HEAD.
sub class_of {
    my ($row) = @_;
    return if $row->{method} !~ /^(?:GET|HEAD|OPTIONS)\z/;
    for my $class (@classes) {
        local $_ = $row;
        return $class if $class->{fits}->();
    }
    return;
}

# What a class says of a row.
sub promised {
    my ( $class, $row ) = @_;
    local $_ = $row;
    my $gives = $class->{gives};
    return ref $gives ? gist( 307, $gives->() ) : gist($gives);
}

my @rows = rows();
my ( @wrong, @odd, @leaks, @bodies, @errors );
my %count = ( http => 0, direct => 0, agree => [ 0, 0 ] );

# Agreement, or a class; what is neither is wrong.
sub judge {
    my ( $row, $answer, $set ) = @_;
    my $here  = gist( $answer->{status}, $answer->{header}{location} );
    my $there = gist( $row->{status},    $row->{location} );
    my $group = $count{group}{ $row->{group} } ||= [ 0, 0 ];
    if ( $here eq $there ) {
        $count{agree}[$set]++;
        $group->[0]++;
        return;
    }
    $group->[1]++;
    my $class = class_of($row);
    if ( !$class || promised( $class, $row ) ne $here ) {
        my $what = $class ? $class->{name} . ': ' . promised( $class, $row ) : 'no class';
        push @wrong,
            visible("$row->{method} $row->{target} ($row->{remote}): $here; archeio $there; $what");
        return;
    }
    $class->{found}[$set]++;
    return;
}

sub visible { return $_[0] =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ger }

# Where a client can be sent at all.
my $pages  = join '|', map { quotemeta } values %page;
my $inside = qr{(?:\Q$upstream\E|\Q$canonical\E)/v2/\Q$prefix\E/(?!\.)[a-z0-9][\x21-\x7e]*};

# What holds of every answer, agreement or not.
sub examine {
    my ( $row, $answer ) = @_;
    my $what     = visible("$row->{method} $row->{target}");
    my $location = $answer->{header}{location};
    push @odd, "$what: $answer->{status}" if ( $answer->{status} // '' ) !~ /^(?:200|307|40[045])$/;
    push @leaks, "$what: $location" if defined $location && $location    !~ /^(?:$inside|$pages)\z/;
    push @leaks, "$what: $location"
        if defined $location && $location =~ m{/\.\.?(?:/|\z)|[<>"{}|\\^`]};
    push @bodies, $what if $row->{method} eq 'HEAD' && length $answer->{body};
    return if $row->{method} eq 'HEAD' || ( $answer->{status} // 0 ) < 400;
    my $error = eval { JSON::PP::decode_json( $answer->{body} )->{errors}[0] } || {};
    push @errors, "$what: $answer->{body}"
        if ( $error->{code} // '' ) !~ /^[A-Z_]+$/
        || !length( $error->{message} // '' )
        || ( $answer->{status} == 405 && ( $answer->{header}{allow} // '' ) ne 'GET, HEAD' )
        || ( $row->{target} =~ m{/manifests/} && $error->{code} eq 'NAME_UNKNOWN' );
    return;
}

for my $set ( 0, 1 ) {
    my $mode   = $set ? 'set' : 'unset';
    my $socket = signpost( $t, "signpost-$mode",
        env => { %archeio, $set ? ( SIGNATURE_UPSTREAM_ENDPOINT => $canonical ) : () } );
    my $port = lighttpd( $t, "lighttpd-$mode", socket => $socket );
    for my $row ( grep { !!$_->{signature_upstream} == !!$set } @rows ) {
        my $answer = ask( $socket, $port, $row );
        examine( $row, $answer );
        next if @{ $row->{checks} } || needs_ranges($row);
        judge( $row, $answer, $set );
        $count{ direct($row) ? 'direct' : 'http' }++;
    }
}

note sprintf
    '%d rows: %d replayed (%d through lighttpd, %d over FastCGI); of the others, %d need an'
    . ' existence check and %d address ranges', scalar @rows, $count{http} + $count{direct},
    @count{qw(http direct)}, scalar( grep { @{ $_->{checks} } } @rows ),
    scalar( grep { !@{ $_->{checks} } && needs_ranges($_) } @rows );
note sprintf '%-12s %5s %7s', qw(group same differs);
note sprintf '%-12s %5d %7d', $_, @{ $count{group}{$_} } for sort keys %{ $count{group} };
note 'rows that differ, with the signature upstream unset and set, and why:';
note sprintf '%4d %4d  %s', ( map { $_ // 0 } @{ $_->{found} }[ 0, 1 ] ), $_->{name} for @classes;

is( $count{http} + $count{direct}, 416, 'rows were replayed' );
is( scalar @wrong,                 0,   'every difference has a class, and is as the class says' )
    or diag join "\n", @wrong;
for my $class (@classes) {
    is_deeply( [ map { $_ // 0 } @{ $class->{found} }[ 0, 1 ] ], $class->{count}, $class->{name} );
}
is_deeply( $count{agree}, [ 91, 87 ], 'the rest agrees' );
is_deeply( \@odd,         [],         'every answer is one of 200, 307, 400, 404 and 405' );
is_deeply( \@leaks, [],
    'every Location is a URI inside the prefix of a configured registry, or a page' );
is_deeply( \@bodies, [], 'no answer to HEAD has a body' );
is_deeply( \@errors, [], 'every error is OCI JSON, of a code that breaks no client' )
    or diag join "\n", grep { defined } @errors[ 0 .. 9 ];

$t->done;
