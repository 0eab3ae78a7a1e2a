# SPDX-License-Identifier: Apache-2.0
#
# README.md, "Switching off signature replication", as it is written: its commands are
# run in order, against real registries with a front door before them, and print what
# it says that they print. SIGNPOST_TRANSCRIPT=1 shows what they do print.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Cwd ();
use HTTP::Tiny;
use Signpost::Registry qw(image key_pair signature signature_tag);
use Signpost::Servers  qw(signpost lighttpd);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(docker-registry lighttpd openssl cosign crane));

# ---- what is there before ----

my %at    = map { $_ => Signpost::Registry->start( $t, $_ ) } qw(us eu);
my $key   = key_pair( $t, 'ours' );
my %image = map { $_ => image( a => $_ ) } qw(v1 v2);
for my $name (qw(us eu)) {
    $at{$name}->push( 'mirror/team/app', $image{$_}, $_ ) for qw(v1 v2);
}
$at{us}->push( 'mirror/team/web', $image{v1}, 'v1' );
$at{eu}->push( 'mirror/team/web', $image{v1}, 'v1' );
my $signature = signature( $t, $key, $image{v1}, 'registry.example.org/team/app' );
$at{$_}->push( 'mirror/team/app', $signature, signature_tag( $image{v1} ) ) for qw(us eu);
$at{eu}->push( 'mirror/team/web', $signature, signature_tag( $image{v1} ) );

sub cosign {
    my (@arguments) = @_;
    my $run = $t->run( [ $t->find('cosign'), @arguments ], env => { COSIGN_PASSWORD => '' } );
    die "cosign @arguments: $run->{err}" if $run->{status};
    return;
}
cosign( 'import-key-pair', '--key', $key->{private}, '--output-key-prefix',
    $t->folder . '/cosign' );

my $rules = <<'EOT';
rules = ( { match = "signature"; to = [ "nearest" ]; },
          { match = "signature-digest"; to = [ "nearest" ]; },
          "default" );
EOT
$t->file( 'rules.conf', $rules );
my $socket = signpost( $t, 'signpost', conf => <<"EOT" );
name      = "registry.example.org";
prefix    = "mirror";
upstreams = { eu = { url = "${\ $at{eu}->url }"; serves = [ "EU" ]; };
              us = { url = "${\ $at{us}->url }"; }; };
canonical = [ "us" ];
index     = "signatures.index";
state     = "${\ $t->dir('state') }";
prober    = "off";
\@include "rules.conf"
EOT
my $door = lighttpd(
    $t, 'lighttpd',
    socket => $socket,
    extra  => 'setenv.add-environment = ( "SIGNPOST_REGION" => "FR" )'
);

# ---- README's commands ----

# The lines of the section's blocks: [ command, its output without empty lines ].
sub steps {
    my ($section) =
        $t->slurp( $t->source('README.md') ) =~
        /^##+ Switching off signature replication\n(.*?)^##/ms
        or die 'README.md has no such section';
    my @steps;
    for ( map { /^    (.*)/ ? $1 : () } split /\n/, $section ) {
        if    (/^\$ (.*)/)                           { push @steps, [ $1, '' ] }
        elsif ( @steps && $steps[-1][0] =~ s/\\$// ) { $steps[-1][0] .= s/^ +//r }
        elsif (@steps)                               { $steps[-1][1] .= "$_\n" }
    }
    return @steps;
}

my %host = (
    'us.registry.example.org' => '127.0.0.1:' . $at{us}->port,
    'eu.registry.example.org' => '127.0.0.1:' . $at{eu}->port,
);

# A command as it is written, for the hosts that are here.
sub here {
    my ($command) = @_;
    $command =~ s/\Q$_\E/$host{$_}/g for sort keys %host;
    $command =~ s{https://registry\.example\.org}{http://127.0.0.1:$door}g;
    $command =~ s{registry\.example\.org/}{127.0.0.1:$door/}g;
    return $command;
}

# What was printed, as it is written: other hosts, https, digests cut,
# no times, no empty lines.
sub there {
    my ($text) = @_;
    $text =~ s/\Q$host{$_}\E/$_/g for sort keys %host;
    $text =~ s/ --allow-http-registry| --insecure//g;
    $text =~ s/(sha256[:-])[0-9a-f]{64}/$1…/g;
    $text =~ s/\d+\.\d seconds/0.1 seconds/g;
    $text =~ s/\Q${\ $t->folder }\E/\/etc\/signpost/g;
    $text =~ s/^\n//mg;
    return $text;
}

# Where the front door sends those who want a signature.
sub signatures_go {
    my $answer = HTTP::Tiny->new( max_redirect => 0 )
        ->get( "http://127.0.0.1:$door/v2/team/app/manifests/" . signature_tag( $image{v1} ) );
    return $answer->{headers}{location} // '';
}

# Whether the responder has taken the index, as it does within two seconds.
sub index_is_taken {
    my $http = HTTP::Tiny->new( max_redirect => 0 );
    return !grep {
        my ( $digest, $name ) = split / /;
        my $answer = $http->head("http://127.0.0.1:$door/v2/$name/blobs/$digest");
        index( $answer->{headers}{location} // '', $at{us}->url ) != 0
    } split /\n/, $t->slurp('signatures.index');
}

my %env = (
    SIGNPOST_CONF   => $t->folder . '/signpost.conf',
    COSIGN_PASSWORD => '',
    HTTPS_PROXY     => 'http://127.0.0.1:1',
    TUF_ROOT        => $t->folder . '/tuf',
    PATH            => join ':',
    ( map { $t->program('signpost') =~ s{/[^/]*$}{}r } 1 ),
    ( map { $t->find($_) =~ s{/[^/]*$}{}r } qw(cosign crane) ),
    $ENV{PATH},
);

sub run_step {
    my ($command) = @_;
    my $before    = signatures_go();
    my $run = $t->run( [ '/bin/sh', '-c', "cd \"\$1\" && { $command\n} 2>&1", 'sh', $t->folder ],
        env => \%env );
    if ( $command =~ /signpost reload/ ) {
        ok( $t->wait_for( sub { signatures_go() ne $before } ), 'signatures go elsewhere now' );
    }
    if ( $command =~ /signpost index add/ ) {
        ok( $t->wait_for( \&index_is_taken ), 'and so does what is in the index' );
    }
    return there( $run->{out} );
}

my @transcript;
for my $step ( steps() ) {
    my ( $command, $says ) = @$step;
    my $prints = run_step( here($command) );
    is( $prints, $says, "\$ $command" );
    push @transcript, "\$ $command\n$prints";
}
diag @transcript if $ENV{SIGNPOST_TRANSCRIPT};
cmp_ok( scalar @transcript, '>', 8, 'the section has been found whole' );
like( signatures_go(), qr/\Q$host{'eu.registry.example.org'}\E/, 'in the end all is as it was' );

$t->done;
