# SPDX-License-Identifier: Apache-2.0
#
# Registry clients that people use (see t/install-clients), kept off the internet:
#
#     my $clients = Signpost::Clients->new( $t, key_pair( $t, 'ours' ) );
#     my $run     = $clients->run( 'crane', 'ls', 'localhost:5000/app' );
#     $clients->signs( 'cosign3', "localhost:5000/app\@$digest" );
#     $clients->notates("localhost:5000/app\@$digest");
#     $clients->run( 'cosign3', $clients->verify( 'verify', 'localhost:5000/app:v1' ) );
package Signpost::Clients;

use strict;
use warnings;

# The key signs for cosign and notation.
sub new {
    my ( $class, $t, $key ) = @_;
    my %env = (
        HTTPS_PROXY     => 'http://127.0.0.1:1',     # trust roots are on the internet: do without
        NO_PROXY        => '10.0.0.0/8,192.0.2.0/24',
        TUF_ROOT        => $t->folder . '/tuf',
        COSIGN_PASSWORD => '',
        XDG_CONFIG_HOME => $t->folder . '/config',
        XDG_CACHE_HOME  => $t->folder . '/cache',
    );
    return bless { t => $t, key => $key, env => \%env }, $class;
}

sub run {
    my ( $self, $name, @arguments ) = @_;
    return $self->{t}->run( [ $self->{t}->find($name), @arguments ], env => $self->{env} );
}

sub _must {
    my ( $self, @command ) = @_;
    my $run = $self->run(@command);
    die "@command: $run->{err}" if $run->{status};
    return;
}

# The key in the form of cosign's.
sub cosign_key {
    my ($self)   = @_;
    my $name     = $self->{t}->folder . '/cosign-key';
    my ($cosign) = grep { $self->{t}->find($_) } qw(cosign cosign3);
    $self->_must( $cosign, 'import-key-pair', '--key', $self->{key}{private},
        '--output-key-prefix', $name )
        if !-e "$name.key";
    return "$name.key";
}

# What keeps cosign 2 and 3 from the internet when they sign.
sub offline {
    my ( undef, $cosign ) = @_;
    return ( '--tlog-upload=false', $cosign eq 'cosign3' ? '--use-signing-config=false' : () );
}

sub _how {
    my ( $self, $cosign ) = @_;
    return ( '--yes', '--key', $self->cosign_key, $self->offline($cosign) );
}

# Signs what a reference means, as cosign 2 (a tag) or 3 (a bundle) does.
sub signs {
    my ( $self, $cosign, $reference ) = @_;
    $self->_must( $cosign, 'sign', $self->_how($cosign), $reference );
    return;
}

sub attests {
    my ( $self, $cosign, $reference ) = @_;
    my $predicate = $self->{t}->file( 'predicate.json', '{"tested":true}' );
    $self->_must( $cosign, 'attest', $self->_how($cosign),
        '--predicate', $predicate, '--type', 'custom', $reference );
    return;
}

# Signs with notation, and makes it trust that: a bundle of its own kind, with a key of its own.
sub notates {
    my ( $self, $reference ) = @_;
    my $folder = "$self->{env}{XDG_CONFIG_HOME}/notation";
    my $policy = $self->{t}->file( 'notation.json', <<'EOT' );
{ "version": "1.0", "trustPolicies": [ { "name": "all", "registryScopes": [ "*" ],
  "signatureVerification": { "level": "strict" }, "trustStores": [ "ca:signpost.test" ],
  "trustedIdentities": [ "*" ] } ] }
EOT
    if ( !-e "$folder/trustpolicy.json" ) {
        $self->_must(qw(notation cert generate-test --default signpost.test));
        $self->_must( qw(notation policy import), $policy );
    }
    $self->_must( qw(notation sign --insecure-registry), $reference );
    return;
}

# What skopeo, or policy-copy in its place, is called with to copy an image from
# HOST:PORT/NAME only if it is signed with the key, for a repository.
sub copy_signed {
    my ( $self, $copier, $reference, $signed_for ) = @_;
    my ($host) = split m{/}, $reference;
    my $policy = $self->{t}->file( "policy-$host.json", <<"EOT" );
{ "default": [ { "type": "reject" } ], "transports": { "docker": { "$host": [ {
  "type": "sigstoreSigned", "keyPath": "$self->{key}{public}",
  "signedIdentity": { "type": "exactRepository", "dockerRepository": "$signed_for" } } ] } } }
EOT
    my $registries = $self->{t}->dir("registries-$host");
    $self->{t}->file( "$registries/test.yaml", <<"EOT" );
docker:
  "$host":
    use-sigstore-attachments: true
EOT
    my @what = ( "docker://$reference", 'dir:' . $self->{t}->dir("copied-$host") );
    return $copier eq 'skopeo'
        ? (
        '--policy', $policy, '--registries.d', $registries, 'copy', '--src-tls-verify=false',
        '--remove-signatures', @what
        )
        : ( $policy, $registries, @what );
}

# What cosign is called with to `verify` or `verify-attestation`.
sub verify {
    my ( $self, $command, @more ) = @_;
    return ( $command, '--key', $self->{key}{public}, '--insecure-ignore-tlog', @more );
}

1;
