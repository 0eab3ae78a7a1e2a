# SPDX-License-Identifier: Apache-2.0
#
# etc/moving: the same two registries as maps of nginx, as rules of Apache, and as a
# signpost.conf. What clients ask goes to the same place; only signpost gets signatures'
# content by digest right.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Servers qw(signpost nginx apache);
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;

my $t   = Signpost::Test->new;
my $hex = 'ab' x 32;
my $sig = 'cd' x 32;

# nginx as it comes, with the maps in its http block.
sub nginx_maps {
    my $port = $t->port;
    my $maps = $t->slurp( $t->source('etc/moving/nginx-maps.conf') );
    $maps =~ s/127\.0\.0\.1:8080/127.0.0.1:$port/ or die 'no port to put in';
    my $conf = $t->file( 'maps.conf', <<"EOT" );
daemon off; master_process off; pid \@DIR\@/maps.pid; error_log \@DIR\@/maps.log;
events { }
http { access_log off; client_body_temp_path \@DIR\@; fastcgi_temp_path \@DIR\@;
       proxy_temp_path \@DIR\@; uwsgi_temp_path \@DIR\@; scgi_temp_path \@DIR\@;
       include \@DIR\@/nginx-maps.conf; }
EOT
    $t->file( 'nginx-maps.conf', $maps );
    $t->start( 'maps', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/maps.log' ] );
    $t->wait_for_port( 'maps', $port );
    return $port;
}

$t->need(qw(nginx apache2));
my $index = $t->file( 'signatures.index', "sha256:$sig\n" );
my $conf  = $t->slurp( $t->source('etc/moving/signpost.conf') ) . qq(index = "$index";\n);
my %door  = (
    nginx  => nginx_maps(),
    apache => apache( $t, 'rules', modules => [qw(rewrite setenvif)],
        site => $t->slurp( $t->source('etc/moving/apache-maps.conf') ) ),
    signpost => nginx( $t, 'front', extra => 'fastcgi_param HTTP_X_CLIENT_REGION $http_x_client_region;',
        socket => signpost( $t, 'fcgi', conf => $conf ) ),
);

sub where {
    my ( $door, $region, $target ) = @_;
    my $answer = http( $door{$door}, 'GET', $target, $region ? ( 'X-Client-Region' => $region ) : () );
    return "$answer->{status} " . ( $answer->{header}{location} // '' );
}

for my $target (
    '/v2/', '/v2/team/app/manifests/v1', "/v2/team/app/manifests/sha256:$hex",
    "/v2/team/app/blobs/sha256:$hex", '/v2/team/app/tags/list?last=v1',
    "/v2/team/app/manifests/sha256-$hex.sig", "/v2/team/app/manifests/sha256-$hex.att",
    "/v2/team/app/referrers/sha256:$hex?artifactType=a%2Bb",
    )
{
    for my $region ( 'FR', 'PL', 'US', '' ) {
        my $want = where( 'signpost', $region, $target );
        # Nothing is known of who holds a digest here: a manifest goes where it surely is.
        next if $target =~ m{manifests/sha256:} && $region =~ /FR|PL/;
        # Lists of tags come from where the signatures' tags are.
        if ( $target =~ m{tags/list} ) {
            is( $want, "307 https://us.registry.example.org$target", "signpost: $target" );
            next if $region =~ /FR|PL/;
        }
        is( where( $_, $region, $target ), $want, "$_: $target from " . ( $region || 'somewhere' ) )
            for qw(nginx apache);
    }
}

my $content = "/v2/team/app/blobs/sha256:$sig";
is( where( 'signpost', 'FR', $content ), "307 https://us.registry.example.org$content",
    'signpost sends the content of signatures to where it is' );
isnt( where( $_, 'FR', $content ), "307 https://us.registry.example.org$content",
    "$_ does not" ) for qw(nginx apache);

$t->done;
