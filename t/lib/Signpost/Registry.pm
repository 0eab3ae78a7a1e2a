# SPDX-License-Identifier: Apache-2.0
#
# Real registries (Debian's docker-registry), and images made from nothing:
#
#     my $registry = Signpost::Registry->start( $t, 'canonical' );
#     my $image    = image( 'hello.txt' => 'hello' );
#     $registry->push( 'mirror/app', $image, 'v1' );
#     $registry->push( 'mirror/app', signature( $t, $key, $image, 'app' ), signature_tag($image) );
#     my $other = Signpost::Registry->start_with_referrers( $t, 'other' );
#
# A thing to push is { type, bytes, digest, blobs => [bytes ...], parts => [things] }.
package Signpost::Registry;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use HTTP::Tiny;
use IO::Compress::Gzip qw(gzip $GzipError);
use JSON::PP           ();
use MIME::Base64       ();
use Socket             qw(IPPROTO_TCP TCP_NODELAY);

our @EXPORT_OK = qw(image index_of artifact signature signature_tag key_pair digest_of);

my $oci = 'application/vnd.oci';

sub digest_of { return 'sha256:' . sha256_hex( $_[0] ) }

my $json = JSON::PP->new->canonical->utf8;

# Starts a registry that lets anyone read and write, and keeps its files in the
# test's folder. Option: everywhere, true to listen on all addresses.
sub start {
    my ( $class, $t, $name, %option ) = @_;
    $t->need('docker-registry');
    my $port  = $t->port;
    my %value = ( PORT => $port, NAME => $name, ADDRESS => $option{everywhere} ? '' : '127.0.0.1' );
    my $conf  = $t->file( "$name.yml", <<'EOT', %value );
version: 0.1
log: { level: error, accesslog: { disabled: false } }
storage: { filesystem: { rootdirectory: '@DIR@/@NAME@.storage' } }
http: { addr: '@ADDRESS@:@PORT@', secret: anything }
EOT
    my %log = (
        log  => "$name.out",
        line => qr/"([A-Z]+ \S+) HTTP\/1\.1" (\d++)(?! \d+ "[^"]*" "[^"]*\(health check\)")/,
    );
    return $class->_run( $t, $name, $port, [ $t->find('docker-registry'), 'serve', $conf ], %log );
}

# Starts one that has the referrers API, which Debian's lacks, and keeps all in memory
# (see t/install-clients). It logs the status of errors alone. Options as of start.
sub start_with_referrers {
    my ( $class, $t, $name, %option ) = @_;
    $t->need('referrers-registry');
    my $port    = $t->port;
    my %log     = ( log => "$name.err", line => qr/^\S+ \S+ ([A-Z]+ \S+)(?: (\d+) .*)?$/m );
    my $address = $option{everywhere} ? '' : '127.0.0.1';
    my $command = [ $t->find('referrers-registry'), "$address:$port" ];
    return $class->_run( $t, $name, $port, $command, %log );
}

sub _run {
    my ( $class, $t, $name, $port, $command, %log ) = @_;
    my $http = HTTP::Tiny->new( timeout => 20, verify_SSL => 1, max_redirect => 0 );
    my $self = bless {
        %log,
        t       => $t,
        name    => $name,
        port    => $port,
        http    => $http,
        seen    => 0,
        command => $command
    }, $class;
    $self->again;
    return $self;
}

# Starts it again after a stop.
sub again {
    my ($self) = @_;
    $self->{t}->start( $self->{name}, $self->{command} );
    $self->{t}->wait_for_port( $self->{name}, $self->{port} );
    return;
}

sub port { return $_[0]{port} }
sub url  { return "http://127.0.0.1:$_[0]{port}" }

# The requests answered since the last call: "METHOD TARGET STATUS", in the order
# of the registry's own access log. A marker request shows that the log is whole.
sub requests {
    my ($self) = @_;
    my $marker = '/v2/?marker=' . ++$self->{marker};
    $self->{http}->get( $self->url . $marker );
    my @lines;
    $self->{t}->wait_for(
        sub {
            @lines = $self->{t}->slurp( $self->{log} ) =~ /$self->{line}/g;
            return grep { defined && $_ eq "GET $marker" } @lines;
        }
    ) or die "$self->{name} wrote no access log line for $marker";
    my @all;
    while ( my ( $request, $status ) = splice @lines, 0, 2 ) {
        push @all, join ' ', $request, $status // 200;
    }
    my @new = @all[ $self->{seen} .. $#all ];
    $self->{seen} = @all;
    return grep { !/\?marker=/ } @new;
}

# Puts blobs where the registry keeps them, which is faster than to upload them. Returns
# their digests. (Not for one with the referrers API.)
sub add_blobs {
    my ( $self, $name, @blobs ) = @_;
    my $folder = "$self->{name}.storage/docker/registry/v2";
    my @hex    = map { sha256_hex($_) } @blobs;
    for my $i ( 0 .. $#blobs ) {
        my $at = substr( $hex[$i], 0, 2 ) . "/$hex[$i]";
        $self->{t}->file( "$folder/blobs/sha256/$at/data", $blobs[$i] );
        $self->{t}
            ->file( "$folder/repositories/$name/_layers/sha256/$hex[$i]/link", "sha256:$hex[$i]" );
    }
    return map { "sha256:$_" } @hex;
}

# Uploads a thing, whatever it is made of, and gives it a tag if there is one.
sub push {
    my ( $self, $name, $thing, $tag ) = @_;
    $self->push( $name, $_ )       for @{ $thing->{parts} || [] };
    $self->_push_blob( $name, $_ ) for @{ $thing->{blobs} || [] };
    my $url = join '/', $self->url, 'v2', $name, 'manifests', $tag // $thing->{digest};
    $self->_ask( PUT => $url, $thing->{bytes}, $thing->{type} );
    return $thing;
}

sub _push_blob {
    my ( $self, $name, $bytes ) = @_;
    my $begun = $self->_ask( POST => $self->url . "/v2/$name/blobs/uploads/", '' );
    my $where = $begun->{headers}{location} =~ s{^/}{$self->url . '/'}er;
    $where .= ( $where =~ /\?/ ? '&' : '?' ) . 'digest=' . digest_of($bytes);
    $self->_ask( PUT => $where, $bytes, 'application/octet-stream' );
    return;
}

sub _ask {
    my ( $self, $method, $url, $content, $type ) = @_;
    my $kept = $self->{http}{handle};

    # It sends head and body apart, and would wait 40 ms for the other side between them.
    setsockopt $kept->{fh}, IPPROTO_TCP, TCP_NODELAY, 1 if $kept && $kept->{fh};
    my $answer = $self->{http}->request( $method, $url,
        { content => $content, headers => { 'Content-Type' => $type // 'text/plain' } } );
    return $answer if $answer->{success};
    die "$method $url: $answer->{status} $answer->{content}";
}

# An image for one platform, with one layer that holds the given files. A first
# argument that is a hash changes the platform: { architecture, os }.
sub image {
    my $platform = ref $_[0] ? shift : {};
    my %content  = @_;
    my $tar = join( '', map { _tar_entry( $_, $content{$_} ) } sort keys %content ) . "\0" x 1024;
    gzip \$tar => \my $layer, -Minimal => 1 or die $GzipError;
    my %platform = ( architecture => 'amd64', os => 'linux', %$platform );
    my $config   = $json->encode(
        {
            %platform,
            config => { Cmd  => ['/hello'] },
            rootfs => { type => 'layers', diff_ids => [ digest_of($tar) ] }
        }
    );
    my $image = artifact( "$oci.image.config.v1+json", $config,
        [ "$oci.image.layer.v1.tar+gzip", $layer ] );
    $image->{platform} = \%platform;
    return $image;
}

# One file as ustar has it.
sub _tar_entry {
    my ( $name, $text ) = @_;
    my $head = pack 'a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 a32 a32 a8 a8 a155 x12', $name,
        '0000644', '0000000', '0000000', sprintf( '%011o', length $text ), '00000000000', ' ' x 8,
        '0', '', 'ustar', '00', 'root', 'root', '', '', '';
    substr( $head, 148, 8 ) = sprintf "%06o\0 ", unpack '%32C*', $head;
    return $head . $text . "\0" x ( -length($text) % 512 );
}

# A manifest with a configuration and layers, each [type, bytes, annotations].
sub artifact {
    my ( $config_type, $config, @layers ) = @_;
    my $bytes = $json->encode(
        {
            schemaVersion => 2,
            mediaType     => "$oci.image.manifest.v1+json",
            config        => _descriptor( $config_type, $config ),
            layers        => [ map { _descriptor(@$_) } @layers ],
        }
    );
    return {
        type   => "$oci.image.manifest.v1+json",
        bytes  => $bytes,
        digest => digest_of($bytes),
        blobs  => [ $config, map { $_->[1] } @layers ],
    };
}

sub _descriptor {
    my ( $type, $bytes, $annotations ) = @_;
    return {
        mediaType => $type,
        size      => length $bytes,
        digest    => digest_of($bytes),
        $annotations ? ( annotations => $annotations ) : ()
    };
}

# An index of images, one for each platform.
sub index_of {
    my (@images) = @_;
    my $bytes = $json->encode(
        {
            schemaVersion => 2,
            mediaType     => "$oci.image.index.v1+json",
            manifests     => [
                map {
                    { %{ _descriptor( $_->{type}, $_->{bytes} ) }, platform => $_->{platform} }
                } @images
            ],
        }
    );
    return {
        type   => "$oci.image.index.v1+json",
        bytes  => $bytes,
        digest => digest_of($bytes),
        parts  => \@images
    };
}

# A new ECDSA P-256 key pair: { private, public }, paths of PEM files.
sub key_pair {
    my ( $t, $name ) = @_;
    $t->need('openssl');
    my %key = map { $_ => $t->folder . "/$name.$_.pem" } qw(private public);
    _openssl( $t, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', $key{private} );
    _openssl( $t, 'ec', '-in', $key{private}, '-pubout', '-out', $key{public} );
    return \%key;
}

sub _openssl {
    my ( $t, @command ) = @_;
    my $run = $t->run( [ $t->find('openssl'), @command ] );
    die "openssl @command: $run->{err}" if $run->{status};
    return $run->{out};
}

# The tag under which cosign keeps the signatures of a manifest.
sub signature_tag {
    my ($thing) = @_;
    return $thing->{digest} =~ s/:/-/r . '.sig';
}

# A signature as cosign 2 writes it: a "simple signing" payload for a layer, and
# beside it, in an annotation, its signature.
sub signature {
    my ( $t, $key, $thing, $reference ) = @_;
    my $payload = $json->encode(
        {
            critical => {
                identity => { 'docker-reference'       => $reference },
                image    => { 'docker-manifest-digest' => $thing->{digest} },
                type     => 'cosign container image signature',
            },
            optional => undef,
        }
    );
    my $file   = $t->file( 'payload.json', $payload );
    my $der    = _openssl( $t, 'dgst', '-sha256', '-sign', $key->{private}, $file );
    my $never  = '0001-01-01T00:00:00Z';
    my $config = $json->encode(
        {
            architecture => '',
            os           => '',
            created      => $never,
            config       => {},
            history      => [ { created => $never } ],
            rootfs       => { type => 'layers', diff_ids => [ digest_of($payload) ] },
        }
    );
    return artifact(
        "$oci.image.config.v1+json",
        $config,
        [
            'application/vnd.dev.cosign.simplesigning.v1+json',
            $payload,
            { 'dev.cosignproject.cosign/signature' => MIME::Base64::encode_base64( $der, '' ) }
        ]
    );
}

1;
