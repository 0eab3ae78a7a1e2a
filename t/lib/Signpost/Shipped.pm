# SPDX-License-Identifier: Apache-2.0
#
# Every way in which signpost is shipped to run, as set up by the words of the shipped
# file, on a machine of the test's own (Signpost::Machine) where it is installed:
#
#     for my $way ( Signpost::Shipped::ways() ) {
#         my $door = Signpost::Shipped->new( $t, $way ) or next;    # not installed
#         $door->start; ... http( $door->port, ... ) ...; $door->stop;
#     }
package Signpost::Shipped;

use strict;
use warnings;

use IO::Socket::UNIX;
use Signpost::Machine;

my $site = '/var/www/html';

# name: as in README's table. program: what must be installed; file: what must be there.
# socket: whether the responder is started by somebody else. set_up: commands. log: where
# the web server's errors are.
my @ways = (
    {
        name    => 'lighttpd, mod_fastcgi by socket',
        program => 'lighttpd',
        socket  => 1,
        set_up  => ['lighty-enable-mod signpost'],
    },
    {
        name    => 'lighttpd, mod_fastcgi by bin-path',
        program => 'lighttpd',
        set_up  => [
            'install -d -o www-data -g www-data /var/lib/signpost',
            'lighty-enable-mod signpost-spawn'
        ],
    },
    {
        name    => 'lighttpd, mod_cgi',
        program => 'lighttpd',
        set_up  => ['lighty-enable-mod signpost-cgi'],
    },
    {
        name    => 'nginx',
        program => 'nginx',
        socket  => 1,
        set_up  => [
            'rm -f /etc/nginx/sites-enabled/default',
            'ln -s ../sites-available/signpost /etc/nginx/sites-enabled/'
        ],
    },
    {
        name    => 'Apache, mod_proxy_fcgi',
        program => 'apache2',
        socket  => 1,
        set_up  => ['a2enmod proxy_fcgi && a2enconf signpost'],
    },
    {
        name    => 'Apache, mod_fcgid',
        program => 'apache2',
        file    => '/usr/lib/apache2/modules/mod_fcgid.so',
        set_up  => [
            'install -d -o www-data -g www-data /var/lib/signpost',
            'a2enmod fcgid && a2enconf signpost-fcgid'
        ],
    },
    {
        name    => 'Apache, mod_cgid',
        program => 'apache2',
        set_up  => ['a2enmod cgid && a2enconf signpost-cgi'],
    },
    {
        name    => 'Apache, .htaccess and a CGI',
        program => 'apache2',
        set_up  => [

            # The host's part, then the user's: three files.
            'a2enmod cgid rewrite && a2disconf serve-cgi-bin',
            "printf '<Directory $site>\\nAllowOverride FileInfo Options=ExecCGI\\n</Directory>\\n'"
                . ' >/etc/apache2/conf-enabled/host.conf',
            "cp /usr/local/share/signpost/shared-host/htaccess $site/.htaccess",
            "install -m 755 /usr/local/sbin/signpost.fcgi $site/registry.cgi",
            "mv /etc/signpost.conf $site/"
        ],
    },
    {
        name    => 'Caddy',
        program => 'caddy',
        socket  => 1,
        set_up  => [
            'usermod -aG www-data caddy',
            "printf 'import /etc/caddy/signpost.caddyfile\\n:80 {\\n\\timport signpost\\n}\\n'"
                . ' >/etc/caddy/Caddyfile'
        ],
    },
    {
        name    => 'h2o',
        program => 'h2o',
        socket  => 1,
        set_up  => [
            'usermod -aG www-data debian-h2o',
            "sed -i '/^ *paths:/,\$d' /etc/h2o/h2o.conf",
            "echo '    paths: !file /etc/h2o/signpost.yaml' >>/etc/h2o/h2o.conf"
        ],
    },
);

# How each program is run in the foreground with its stock configuration, and its log.
my %server = (
    lighttpd => {
        start => 'exec lighttpd -D -f /etc/lighttpd/lighttpd.conf',
        log   => '/var/log/lighttpd/error.log',
    },
    nginx   => { start => q{exec nginx -g 'daemon off;'}, log => '/var/log/nginx/error.log' },
    apache2 => {
        start =>
            '. /etc/apache2/envvars; mkdir -p "$APACHE_RUN_DIR/socks"; exec apache2 -DFOREGROUND',
        log => '/var/log/apache2/error.log'
    },
    caddy => {
              start => 'exec setpriv --reuid caddy --regid caddy --init-groups'
            . ' --inh-caps +net_bind_service --ambient-caps +net_bind_service'
            . ' env HOME=/var/lib/caddy caddy run --config /etc/caddy/Caddyfile'
    },
    h2o => { start => 'exec h2o -c /etc/h2o/h2o.conf -m master', log => '/var/log/h2o/error.log' },
);

sub ways {
    return map { $_->{name} } @ways;
}

# Installs everything and sets it up in this way; undef, and a word of why, where the web
# server is not installed. conf: the text of /etc/signpost.conf.
sub new {
    my ( $class, $t, $name, $conf ) = @_;
    my ($way) = grep { $_->{name} eq $name } @ways or die "$name: no such way";
    my $program = $way->{program};
    return ( undef, "$program is not installed" )     if !$t->find($program);
    return ( undef, "$way->{file} is not installed" ) if $way->{file} && !-e $way->{file};
    my $self = bless { t => $t, way => $way, server => $server{$program} }, $class;
    Signpost::Machine::renew();
    Signpost::Machine::install($t);
    $t->file( '/etc/signpost.conf', $conf );

    for my $command ( @{ $way->{set_up} } ) {
        my $run = $t->run( [ 'sh', '-c', $command ] );
        die "$name: $command: $run->{err}$run->{out}" if $run->{status};
    }
    return $self;
}

sub port    { return 80 }
sub program { return $_[0]{way}{program} }

# The web server's error log.
sub log {
    my ($self) = @_;
    my $t = $self->{t};
    return ( $self->{server}{log} ? $t->slurp( $self->{server}{log} ) : '' ) . $t->slurp('web.err');
}

# Starts the responder, where the web server does not, and the web server.
sub start {
    my ($self) = @_;
    my $t = $self->{t};
    $self->start_responder if $self->{way}{socket};
    unlink $t->folder . "/$_.err" for qw(web responder);
    $t->start( web => [ 'sh', '-c', $self->{server}{start} ] );
    eval { $t->wait_for_port( web => 80 ) } or die $@ . $self->log;
    return;
}

# As the service does: on a socket that root has made, for the web server's group.
sub start_responder {
    my ($self) = @_;
    my @spawn = qw(spawn-fcgi -n -s /run/signpost.sock -G www-data -M 0660
        -u signpost -g www-data -- /usr/local/sbin/signpost.fcgi);
    $self->{t}->start( responder => \@spawn );
    $self->{t}->wait_for( sub { IO::Socket::UNIX->new( Peer => '/run/signpost.sock' ) } )
        or die $self->{t}->complaints('responder');
    return;
}

sub stop {
    my ($self) = @_;
    $self->{t}->stop($_) for qw(web responder);
    return;
}

1;
