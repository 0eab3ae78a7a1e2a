# SPDX-License-Identifier: Apache-2.0
#
# Every way in which signpost is shipped to run, as set up by the words of the shipped
# file, on a machine of the test's own (Signpost::Machine) where it is installed:
#
#     for my $way ( Signpost::Shipped::ways() ) {
#         my $door = Signpost::Shipped->new( $t, $way ) or next;    # not installed
#         $door->start; ... http( 80, ... ) ...; $door->stop;
#     }
package Signpost::Shipped;

use strict;
use warnings;

use IO::Socket::UNIX;
use Signpost::Machine;
use Signpost::Wire qw(http);

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
        restart => 'kill -USR1 PID',
    },
    {
        name    => 'lighttpd, mod_cgi',
        is_cgi  => 1,
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
        name    => 'Apache, a virtual host with mod_proxy_fcgi',
        program => 'apache2',
        socket  => 1,
        set_up  => [
            'a2enmod proxy_fcgi',
            'sed -i "/<VirtualHost/a Include /etc/apache2/conf-available/signpost.conf"'
                . ' /etc/apache2/sites-available/000-default.conf'
        ],
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
        is_cgi  => 1,
        program => 'apache2',
        set_up  => ['a2enmod cgid && a2enconf signpost-cgi'],
    },
    {
        name    => 'Apache, .htaccess and a CGI',
        is_cgi  => 1,
        program => 'apache2',
        set_up  => [

            # The host's part, then the user's: three files.
            'a2enmod cgid rewrite && a2disconf serve-cgi-bin',
            "printf '<Directory $site>\\nAllowOverride All\\n</Directory>\\n'"
                . ' >/etc/apache2/conf-enabled/host.conf',
            "cp /usr/local/share/signpost/shared-host/htaccess $site/.htaccess",
            "install -m 755 /usr/local/sbin/signpost.fcgi $site/registry.cgi",
            "mv /etc/signpost.conf $site/"
        ],
        configuration => "$site/signpost.conf",
        installed     => "$site/registry.cgi",
    },
    {
        name    => 'Apache, .htaccess and cgi-bin',
        is_cgi  => 1,
        program => 'apache2',
        set_up  => [
            'a2enmod cgid rewrite',
            "printf '<Directory $site>\\nAllowOverride FileInfo\\n</Directory>\\n'"
                . ' >/etc/apache2/conf-enabled/host.conf',
            "cp /usr/local/share/signpost/shared-host/htaccess-cgi-bin $site/.htaccess",
            'install -m 755 /usr/local/sbin/signpost.fcgi /usr/lib/cgi-bin/registry.cgi',
            'mv /etc/signpost.conf /usr/lib/cgi-bin/'
        ],
        configuration => '/usr/lib/cgi-bin/signpost.conf',
        installed     => '/usr/lib/cgi-bin/registry.cgi',
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
    $t->file( '/etc/signpost.conf', $conf );

    for my $command ( @{ $way->{set_up} } ) {
        my $run = $t->run( [ 'sh', '-c', $command ] );
        die "$name: $command: $run->{err}$run->{out}" if $run->{status};
    }
    return $self;
}

# Who writes the state, and whether the prober's files are served.
sub state_owner { return $_[0]{way}{socket} ? 'signpost' : 'www-data' }
sub has_files   { return $_[0]{way}{name} !~ /htaccess/ }

# The web server's error log.
sub log {
    my ($self) = @_;
    my $t = $self->{t};
    return ( $self->{server}{log} ? $t->slurp( $self->{server}{log} ) : '' ) . $t->slurp('web.err');
}

# Starts the responder, where the web server does not, and the web server. The former may be
# the caller's to start.
sub start {
    my ( $self, $start_responder ) = @_;
    my $t = $self->{t};
    unlink $t->folder . "/$_.err" for qw(web responder);
    ( $start_responder || \&start_responder )->($self) if $self->{way}{socket};

    # As an init system does: lighttpd, reading its configuration anew, wants to go back to
    # where it was started, and runs Perl, but its user may not go everywhere.
    my %env = map { $_ => undef } qw(PERL5LIB PERL5OPT);
    $t->start( web => [ 'sh', '-c', "cd / && $self->{server}{start}" ], env => \%env );
    eval { $t->wait_for_port( web => 80 ) } or die $@ . $self->log;
    return;
}

# As the service does: on a socket that root has made, for the web server's group.
sub start_responder {
    my ($self) = @_;
    my @spawn = qw(spawn-fcgi -n -s /run/signpost.sock -G www-data -M 0660
        -u signpost -g www-data -- /usr/bin/multiwatch -f 2 -- /usr/local/sbin/signpost.fcgi);
    $self->{t}->start( responder => \@spawn );
    $self->{t}->wait_for( sub { IO::Socket::UNIX->new( Peer => '/run/signpost.sock' ) } )
        or die $self->{t}->complaints('responder');
    return;
}

sub configuration { return $_[0]{way}{configuration} // '/etc/signpost.conf' }
sub service_log   { return $_[0]{t}->slurp('responder.err') }

# The processes that answer between requests, on this machine.
sub responders {
    my ($self) = @_;
    return if $self->{way}{is_cgi};
    my $here = readlink '/proc/self/ns/net';
    return map { m{/(\d+)/} } grep {
        ( readlink(s{comm$}{ns/net}r) // '' ) eq $here
            && $self->{t}->slurp($_) eq "signpost.fcgi\n"
    } glob '/proc/[0-9]*/comm';
}

sub wait_until_gone {
    my ( $self, @old ) = @_;
    my %old = map { $_ => 1 } @old;
    return $self->{t}->wait_for(
        sub {
            !grep { $old{$_} } $self->responders;
        }
    );
}

# Until a web server that restarts has started its responders and answers. Whoever tells
# lighttpd to restart while it still does may find that it has stopped.
sub wait_until_serving {
    my ( $self, $count ) = @_;
    $self->{t}->wait_for( sub { $self->responders >= $count } )
        or die 'no new responders: ' . $self->log;
    return http( 80, GET => '/v2/' );
}

# Replaces the program, and every process of it, one after the other.
sub restart {
    my ($self)  = @_;
    my $t       = $self->{t};
    my $program = $self->{way}{installed} // '/usr/local/sbin/signpost.fcgi';
    my $run     = $t->run( [ 'sh', '-c', "cp $program $program.new && mv $program.new $program" ] );
    die $run->{err} if $run->{status};
    if ( my $command = $self->{way}{restart} ) {
        my @old = $self->responders;
        $run = $t->run( [ 'sh', '-c', $command =~ s{PID}{$t->pid('web')}er ] );
        die $run->{err} if $run->{status};
        $self->wait_until_gone(@old);
        $self->wait_until_serving( scalar @old );
        return;
    }
    for my $pid ( $self->responders ) {
        kill 'TERM', $pid;
        $self->wait_until_gone($pid);
    }
    return;
}

sub stop {
    my ($self) = @_;
    $self->{t}->stop($_) for qw(web responder);
    return;
}

1;
