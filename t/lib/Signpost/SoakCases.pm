# SPDX-License-Identifier: Apache-2.0
#
# What a soak asks for, and a model of its own of what is right:
#
#     my $cases = Signpost::SoakCases->new( \%port );    # of the targets eu, uk, us, asia, cdn
#     $cases->kinds    # { weight, method, target, header, states => { ANSWER => MASK } }
#     $cases->text     # the same for soak_load
#
# The front door can be in eight states: the upstream "eu" is up (0) or down (1), the database is
# A (0) or B (1), and so is the index. Bit N of a mask stands for state N.
package Signpost::SoakCases;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter 'import';

our @EXPORT_OK = qw(PARTS state_number mask_of lines_of_index feed witness_of);

use constant PARTS => qw(upstream database index);

my %bit = ( upstream => 1, database => 2, index => 4 );

my %nearest = (
    ( map { $_ => 'eu' } qw(FR DE EU aws:eu-west-1) ),
    ( map { $_ => 'uk' } qw(GB aws:eu-west-2) ),
    ( map { $_ => 'us' } qw(US aws:us-west-2) ),
    ( map { $_ => 'asia' } qw(JP SG aws:ap-northeast-1) ),
);

# Networks, and the country they are in by either database.
my @network = (
    [ '192.0.2.0/24',    '192.0.2.77',    'FR', 'FR' ],
    [ '198.51.100.0/24', '198.51.100.9',  'FR', 'JP' ],
    [ '203.0.113.0/25',  '203.0.113.5',   'GB', 'US' ],
    [ '2001:db8:1::/48', '2001:db8:1::5', 'JP', 'DE' ],
    [ undef,             '10.9.8.7',      '',   '' ],
);

sub _digest { return 'sha256:' . $_[0] . substr sha256_hex( $_[1] ), 1 }

# Who holds an object is told by the first digit of its digest.
sub _holds {
    my ( $target, $digest ) = @_;
    return $digest =~ /:[0-7]/ if $target eq 'cdn';
    return $digest =~ /:[^f]/  if $target ne 'us';
    return 1;
}

# The names of what was signed, by the indexes that list it: of 'AB', 'A' or 'B'.
my %signed = map {
    my $in = $_;
    ( $in => [ map { _digest( $_, "signed $in" ) } qw(3 b) ] )
} qw(A B AB);

sub _is_signed {
    my ( $state, $digest ) = @_;
    my $now = $state->{index} ? 'B' : 'A';
    return scalar grep { $_ eq $digest } map { @{ $signed{$_} } } grep { /$now/ } keys %signed;
}

# A client's header, and the place that it has in a state.
sub _clients {
    my @region = map {
        my $place = $_;
        [ "X-Client-Region: $place", sub { $place } ]
    } sort keys %nearest;
    my @address = map {
        my ( undef, $address, @country ) = @$_;
        [ "X-Forwarded-For: $address", sub { $country[ $_[0]{database} ] } ]
    } @network;
    return ( @region, @address, [ '', sub { '' } ], [ 'X-Client-Region: nowhere', sub { '' } ] );
}

sub _nearest {
    my ( $state, $place ) = @_;
    my $target = $nearest{$place} // 'us';
    return $target eq 'eu' && $state->{upstream} ? 'uk' : $target;
}

# The states, as { upstream => 0 or 1, … }.
my @state = map {
    my $number = $_;
    +{ map { $_ => $number & $bit{$_} ? 1 : 0 } PARTS };
} 0 .. 7;

# Adds a kind of request; the code gives all right answers in a state.
sub _kind {
    my ( $self, $weight, $method, $target, $header, $right ) = @_;
    my %states;
    for my $number ( 0 .. $#state ) {
        $states{$_} |= 1 << $number for $right->( $state[$number] );
    }
    push @{ $self->{kind} },
        {
        weight => $weight,
        method => $method,
        target => $target,
        header => $header,
        states => \%states
        };
    return;
}

sub _to {
    my ( $self, $target, $path ) = @_;
    return "307 http://127.0.0.1:$self->{port}{$target}$path";
}

sub _content {
    my ( $self,   $client ) = @_;
    my ( $header, $place )  = @$client;
    my $near = sub { _nearest( $_[0], $place->( $_[0] ) ) };
    for my $method (qw(GET HEAD)) {
        my $tag = '/v2/team/app/manifests/v1.2';
        $self->_kind( 12, $method, "$tag?ns=example.org",
            $header, sub { $self->_to( $near->( $_[0] ), $tag ) } );
    }
    my @known = map { _digest( $_, 'known' ) } qw(1 9 f);
    for my $digest ( @known, map { @$_ } values %signed ) {
        my ( $manifest, $blob ) = map { "/v2/team/app/$_/$digest" } qw(manifests blobs);
        my $holder = sub { _holds( $_[0], $digest ) ? $_[0] : 'us' };
        $self->_kind(
            4, 'GET',
            $manifest,
            $header,
            sub {
                $self->_to( _is_signed( $_[0], $digest ) ? 'us' : $holder->( $near->( $_[0] ) ),
                    $manifest );
            }
        );
        $self->_kind(
            4, 'GET', $blob, $header,
            sub {
                return $self->_to( 'us', $blob )             if _is_signed( $_[0], $digest );
                return $self->_to( cdn => "/blobs/$digest" ) if _holds( cdn => $digest );
                return $self->_to( $holder->( $near->( $_[0] ) ), $blob );
            }
        );
    }
    my $hex   = sha256_hex('an image');
    my $lists = '/v2/team/app/tags/list';
    for my $path (
        "/v2/team/app/manifests/sha256-$hex.sig",
        "/v2/team/app/manifests/sha256-$hex.att",
        "/v2/team/app/manifests/sha256-$hex",
        "/v2/team/app/referrers/sha256:$hex?artifactType=application%2Fx&n=3",
        "$lists?last=v1"
        )
    {
        my $asked = $path =~ s/\?last/?n=10&last/r;
        $self->_kind( 3, 'GET', $asked, $header, sub { $self->_to( us => $path ) } );
    }
    return;
}

# What nobody has asked for before. Until it is known who holds it, a blob may go to the
# nearest, and a manifest to the canonical registry, too; or to the nearest, while that has died
# and is not out of service yet.
sub _new_content {
    my ( $self,   $client ) = @_;
    my ( $header, $place )  = @$client;
    for my $digit (qw(2 a f)) {
        my ( $manifest, $blob ) = map { "/v2/team/new/$_/sha256:$digit\{new}" } qw(manifests blobs);
        $self->_kind(
            1, 'GET',
            $manifest,
            $header,
            sub {
                my $near = _nearest( $_[0], $place->( $_[0] ) );
                map { $self->_to( $_, $manifest ) } 'us', $near;
            }
        );
        $self->_kind(
            1, 'GET', $blob, $header,
            sub {
                my $near = _nearest( $_[0], $place->( $_[0] ) );
                return (
                    $self->_to( $near, $blob ),
                    $digit eq '2'   ? $self->_to( cdn => "/blobs/sha256:$digit\{new}" )
                    : $digit eq 'f' ? $self->_to( us  => $blob )
                    :                 ()
                );
            }
        );
    }
    return;
}

# What is answered here.
sub _errors {
    my ($self)    = @_;
    my $digest    = _digest( 5, 'deleted' );
    my %is_always = (
        'GET /v2/'                               => '200 ',
        'HEAD /v2/'                              => '200 ',
        'GET /'                                  => '307 https://www.example.org/about',
        'GET /v2/_catalog'                       => '404 UNSUPPORTED',
        'GET /elsewhere'                         => '404 UNSUPPORTED',
        'GET /v2/app/blobs'                      => '404 UNSUPPORTED',
        'GET /v2/a%2fb/manifests/v1'             => '404 UNSUPPORTED',
        'GET /v2/a/%2e%2e/b/manifests/v1'        => '404 MANIFEST_UNKNOWN',
        'GET /v2/UPPER/manifests/v1'             => '404 MANIFEST_UNKNOWN',
        'HEAD /v2/UPPER/manifests/v1'            => '404 ',
        'GET /v2/app/manifests/sha256:1234'      => '404 MANIFEST_UNKNOWN',
        'GET /v2/app/manifests/.hidden'          => '404 MANIFEST_UNKNOWN',
        'GET /v2/app/blobs/nothing'              => '404 BLOB_UNKNOWN',
        'GET /v2/app/blobs/uploads/1'            => '404 BLOB_UPLOAD_UNKNOWN',
        'POST /v2/app/blobs/uploads/'            => '405 UNSUPPORTED',
        'PUT /v2/app/manifests/v1'               => '405 UNSUPPORTED',
        "DELETE /v2/app/manifests/$digest"       => '405 UNSUPPORTED',
        'OPTIONS /v2/'                           => '405 UNSUPPORTED',
        "GET /v2/app/manifests/${\ ('x' x 129)}" => '404 MANIFEST_UNKNOWN',
    );
    for my $request ( sort keys %is_always ) {
        my ( $method, $target ) = split / /, $request;
        $self->_kind( 12, $method, $target, '', sub { $is_always{$request} } );
    }
    return;
}

# All of it, as soak_load reads it.
sub text {
    my ($self) = @_;
    my $text = '';
    for my $kind ( @{ $self->{kind} } ) {
        $text .= join( "\t", 'R', @$kind{qw(weight method target header)} ) . "\n";
        $text .= "A\t$kind->{states}{$_}\t$_\n" for sort keys %{ $kind->{states} };
    }
    return $text;
}

sub new {
    my ( $class, $port ) = @_;
    my $self    = bless { port => $port, kind => [] }, $class;
    my @clients = _clients();
    $self->_content($_)     for @clients;
    $self->_new_content($_) for @clients[ 0, 3, 6 ];
    $self->_errors;
    return $self;
}

sub kinds { return @{ $_[0]{kind} } }

# The number of the state in which these parts are 1.
sub state_number {
    my (%is) = @_;
    my $number = 0;
    $number |= $bit{$_} for grep { $is{$_} } keys %is;
    return $number;
}

# The states that are possible: { upstream => { 0 => 1, 1 => 1 }, … }.
sub mask_of {
    my ($possible) = @_;
    my $mask = 0;
    for my $number ( 0 .. $#state ) {
        $mask |= 1 << $number if !grep { !$possible->{$_}{ $state[$number]{$_} } } PARTS;
    }
    return $mask;
}

# The index A (0) or B (1), with so many other lines.
sub lines_of_index {
    my ( $which, $more ) = @_;
    my $letter = $which ? 'B' : 'A';
    my @lines  = map { _digest( $_ % 10, "other $_ $letter" ) } 1 .. $more;
    push @lines, map { @{ $signed{$_} } } grep { /$letter/ } keys %signed;
    return map { "$_\n" } sort @lines;
}

# What the database A (0) or B (1) is made of.
sub feed {
    my ($which) = @_;
    return map { "$_->[0],$_->[2 + $which],,,\n" } grep { $_->[0] } @network;
}

# A request that tells whether a part of the state is 0 or 1, by the target that it is sent to:
# path, headers, and { TARGET => 0 or 1 }.
sub witness_of {
    my ($part) = @_;
    my $tag = '/v2/team/app/manifests/v1.2';
    return ( $tag, [ 'X-Client-Region' => 'FR' ], { eu => 0, uk => 1 } ) if $part eq 'upstream';
    return ( $tag, [ 'X-Forwarded-For' => $network[1][1] ], { eu => 0, uk => 0, asia => 1 } )
        if $part eq 'database';
    return (
        "/v2/team/app/manifests/$signed{B}[0]",
        [ 'X-Client-Region' => 'JP' ],
        { asia => 0, us => 1 }
    );
}

1;
