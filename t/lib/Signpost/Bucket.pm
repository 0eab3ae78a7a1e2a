# SPDX-License-Identifier: Apache-2.0
#
# A bucket: a real web server with blobs by digest, which tells what it was asked for.
#
#     my $bucket = Signpost::Bucket->start( $t, 'cdn' );
#     my $digest = $bucket->add($bytes);
#     $bucket->url         # what a configuration says: "http://…/{digest}"
#     $bucket->requests    # "HEAD sha256:… 200" since the last call
package Signpost::Bucket;

use strict;
use warnings;

use Signpost::Registry qw(digest_of);
use Signpost::Wire     qw(http);

# Listens on all addresses, since some tests reach it by a slow one. Option: secure, the
# addresses that it speaks TLS and HTTP/2 at, instead.
sub start {
    my ( $class, $t, $name, %option ) = @_;
    $t->need('nginx');
    my $port = $t->port;
    my $self = bless {
        t      => $t,
        name   => $name,
        port   => $port,
        folder => $t->dir("$name.blobs"),
        scheme => $option{secure} ? 'https' : 'http',
        seen   => 0
    }, $class;
    $self->_certify( @{ $option{secure} } ) if $option{secure};
    my $tls   = $option{secure} ? 'ssl http2' : '';
    my %value = ( NAME => $name, PORT => $port, TLS => $tls );
    my $file  = $t->folder . "/$name";
    $value{CERTIFY} = $tls ? "ssl_certificate $file.pem; ssl_certificate_key $file.key;" : '';
    my $conf = $t->file( "$name.nginx", <<'EOT', %value );
daemon off; master_process off; worker_processes 1;
pid @DIR@/@NAME@.pid; error_log @DIR@/@NAME@.log;
events { worker_connections 1024; }
http {
  map $request_uri $path { ~^([^?]*) $1; }
  log_format asked '$request_method $path $status $http_user_agent';
  access_log @DIR@/@NAME@.asked asked;
  log_not_found off; ssl_protocols TLSv1.3;
  keepalive_requests 1000000;
  client_body_temp_path @DIR@/@NAME@-body; proxy_temp_path @DIR@/@NAME@-proxy;
  fastcgi_temp_path @DIR@/@NAME@-fcgi; uwsgi_temp_path @DIR@/@NAME@-uwsgi;
  scgi_temp_path @DIR@/@NAME@-scgi;
  server {
    listen @PORT@ @TLS@ backlog=1024; root @DIR@/@NAME@.blobs; error_page 404 /error; @CERTIFY@
    add_header x-amz-request-id 1 always;
    location = /error { internal; default_type application/xml; return 404 "<Error/>"; }
  }
}
EOT
    $t->start( $name, [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . "/$name.log" ] );
    $t->wait_for_port( $name, $port );
    return $self;
}

# A certificate for addresses, which is its own authority: NAME.pem in the test's folder.
sub _certify {
    my ( $self, @addresses ) = @_;
    my ( $t,    $file )      = ( $self->{t}, $self->{t}->folder . "/$self->{name}" );
    my $run = $t->run(
        [
            $t->find('openssl'),
            qw(req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1),
            qw(-days 2 -subj /CN=bucket -keyout),
            "$file.key",
            '-out',
            "$file.pem",
            '-addext',
            'subjectAltName=' . join ',',
            map { "IP:$_" } @addresses
        ]
    );
    die "openssl: $run->{err}" if $run->{status};
    return;
}

sub base { return "$_[0]{scheme}://" . ( $_[1] // '127.0.0.1' ) . ":$_[0]{port}" }
sub url  { return base(@_) . '/{digest}' }

# Puts a blob there; returns its digest.
sub add {
    my ( $self, $bytes ) = @_;
    my $digest = digest_of($bytes);
    open my $file, '>:raw', "$self->{folder}/$digest" or die "$digest: $!";
    print {$file} $bytes;
    close $file or die "$digest: $!";
    return $digest;
}

# What has been asked since the last call. A marker request shows that the log is whole.
sub requests {
    my ($self) = @_;
    my $marker = '/marker-' . ++$self->{marker};
    http( $self->{port}, 'GET', $marker );
    my @all;
    $self->{t}->wait_for(
        sub {
            @all = split /\n/, $self->{t}->slurp("$self->{name}.asked");
            return grep { /^GET \Q$marker\E / } @all;
        }
    ) or die "$self->{name} wrote no access log line for $marker";
    my @new = @all[ $self->{seen} .. $#all ];
    $self->{seen} = @all;
    return map { m{^(\S+) /(\S+ \d+)} && "$1 $2" } grep { !m{ /marker-|health check} } @new;
}

1;
