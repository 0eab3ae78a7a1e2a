# SPDX-License-Identifier: Apache-2.0
#
# A certificate authority of the test's own, and what it signs:
#
#     my $ca = Signpost::Certificates->new( $t, 'tls' );    # skips where openssl is absent
#     $ca->authority                                        # the CA's certificate, a file
#     my ( $cert, $key ) = $ca->sign('localhost');          # files; good for two days; or an address
#     $ca->sign( 'localhost', expired => 1 ), $ca->self_signed('localhost')
package Signpost::Certificates;

use strict;
use warnings;

my @new_key = qw(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes);

sub new {
    my ( $class, $t, $folder ) = @_;
    $t->need('openssl');
    my $self = bless { t => $t, name => $folder, dir => $t->dir($folder), count => 0 }, $class;
    $t->file( "$folder/issued", '' );
    $t->file( "$folder/ca.conf", <<'EOT', WHERE => $self->{dir} );
[ca]
default_ca = own
[own]
database = @WHERE@/issued
new_certs_dir = @WHERE@
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
certificate = @WHERE@/ca.pem
private_key = @WHERE@/ca.key
[any]
commonName = supplied
EOT
    $self->_run( 'req', '-x509', @new_key, '-days', 2, '-subj', '/CN=Test CA', $self->_out('ca') );
    return $self;
}

sub authority { return "$_[0]{dir}/ca.pem" }

sub _run {
    my ( $self, @command ) = @_;
    my $run = $self->{t}->run( [ $self->{t}->find('openssl'), @command ] );
    $run->{status} == 0 or die "openssl @command: $run->{err}";
    return;
}

sub _out {
    my ( $self, $name, $kind ) = @_;
    return ( '-keyout', "$self->{dir}/$name.key", '-out',
        "$self->{dir}/$name." . ( $kind // 'pem' ) );
}

sub _for {
    my ($host) = @_;
    my $kind = $host =~ /^[0-9.]+$/ ? 'IP' : 'DNS';
    return ( '-subj', "/CN=$host", '-addext', "subjectAltName=$kind:$host" );
}

sub sign {
    my ( $self, $host, %option ) = @_;
    my $name = 'cert' . ++$self->{count};
    my @dates =
        $option{expired} ? qw(-startdate 20200101000000Z -enddate 20200103000000Z) : qw(-days 2);
    $self->_run( 'req', '-new', @new_key, _for($host), $self->_out( $name, 'csr' ) );
    $self->_run( 'ca', '-batch', '-notext', '-config', "$self->{dir}/ca.conf", @dates,
        '-in', "$self->{dir}/$name.csr", '-out', "$self->{dir}/$name.pem" );
    return map { "$self->{dir}/$name.$_" } qw(pem key);
}

sub self_signed {
    my ( $self, $host ) = @_;
    my $name = 'cert' . ++$self->{count};
    $self->_run( 'req', '-x509', @new_key, '-days', 2, _for($host), $self->_out($name) );
    return map { "$self->{dir}/$name.$_" } qw(pem key);
}

1;
