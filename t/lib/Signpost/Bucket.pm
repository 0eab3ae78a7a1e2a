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

# Listens on all addresses, since some tests reach it by a slow one.
sub start {
    my ( $class, $t, $name ) = @_;
    $t->need('nginx');
    my $port = $t->port;
    my $self = bless {
        t      => $t,
        name   => $name,
        port   => $port,
        folder => $t->dir("$name.blobs"),
        seen   => 0
    }, $class;
    my $conf = $t->file( "$name.nginx", <<'EOT', NAME => $name, PORT => $port );
daemon off; master_process off; worker_processes 1;
pid @DIR@/@NAME@.pid; error_log @DIR@/@NAME@.log;
events { worker_connections 1024; }
http {
  log_format asked '$request_method $uri $status';
  access_log @DIR@/@NAME@.asked asked;
  log_not_found off;
  keepalive_requests 1000000;
  client_body_temp_path @DIR@/@NAME@-body; proxy_temp_path @DIR@/@NAME@-proxy;
  fastcgi_temp_path @DIR@/@NAME@-fcgi; uwsgi_temp_path @DIR@/@NAME@-uwsgi;
  scgi_temp_path @DIR@/@NAME@-scgi;
  server { listen @PORT@ backlog=1024; root @DIR@/@NAME@.blobs; }
}
EOT
    $t->start( $name, [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . "/$name.log" ] );
    $t->wait_for_port( $name, $port );
    return $self;
}

sub base { return "http://" . ( $_[1] // '127.0.0.1' ) . ":$_[0]{port}" }
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
    return map { s{ /}{ }r } grep { !m{ /marker-} } @new;
}

1;
