# SPDX-License-Identifier: Apache-2.0
#
# Real web servers with the front door behind them, and the front door itself.
# Every function takes the test first, and a name under which to stop the server
# (stop, signal and complaints of Signpost::Test). Servers return their port.
package Signpost::Servers;

use strict;
use warnings;

use Exporter 'import';
use File::Basename ();
use IO::Socket::INET;
use IO::Socket::UNIX;

our @EXPORT_OK = qw(signpost lighttpd nginx haproxy caddy h2o apache apache_fcgid shared_host
    plain_server);

# Starts signpost.fcgi as spawn-fcgi would, with a listening unix socket on
# descriptor 0, and returns the socket's path. Options: conf, the text of its
# configuration; env, variables.
sub signpost {
    my ( $t, $name, %option ) = @_;
    my $path   = $t->folder . "/$name.sock";
    my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 512 ) or die "$path: $!";
    chmod 0666, $path or die "$path: $!";
    my %env = %{ $option{env} || {} };
    $env{SIGNPOST_CONF} = $t->file( "$name.conf", $option{conf} ) if defined $option{conf};
    $t->start( $name, [ $t->program('signpost.fcgi') ], stdin => $socket, env => \%env );
    close $socket;
    return $path;
}

# lighttpd in front of a socket. Its URL normalisation is off, so that the target
# arrives as it was sent. Options: socket; extra, more of its configuration.
sub lighttpd {
    my ( $t, $name, %option ) = @_;
    $t->need('lighttpd');
    my $port  = $t->port;
    my %value = (
        NAME   => $name,
        PORT   => $port,
        SOCKET => $option{socket},
        EXTRA  => $option{extra} // '',
    );
    my $conf = $t->file( "$name.conf", <<'EOT', %value );
server.modules = ( "mod_setenv", "mod_fastcgi" )
server.document-root = "@DIR@"
server.pid-file = "@DIR@/@NAME@.pid"
server.errorlog = "@DIR@/@NAME@.log"
server.upload-dirs = ( "@DIR@" )
server.bind = "127.0.0.1"
server.port = @PORT@
server.http-parseopts = ( "url-normalize" => "disable" )
fastcgi.server = ( "/" => ((
  "socket" => "@SOCKET@",
  "check-local" => "disable",
  "fix-root-scriptname" => "enable"
)))
@EXTRA@
EOT
    $t->start( $name, [ $t->find('lighttpd'), '-D', '-f', $conf ] );
    $t->wait_for_port( $name, $port );
    return $port;
}

# nginx in front of a socket. Options: socket; extra, more lines of its location;
# upstream, more lines of the upstream (keepalive); http, more lines outside of the server;
# everywhere, true to listen on all addresses.
sub nginx {
    my ( $t, $name, %option ) = @_;
    $t->need('nginx');
    my $port  = $t->port;
    my %value = (
        NAME     => $name,
        PORT     => $port,
        SOCKET   => $option{socket},
        EXTRA    => $option{extra}    // '',
        UPSTREAM => $option{upstream} // '',
        HTTP     => $option{http}     // '',
        ADDRESS  => $option{everywhere} ? '*' : '127.0.0.1'
    );
    my $conf = $t->file( "$name.conf", <<'EOT', %value );
daemon off; master_process off; worker_processes 1;
pid @DIR@/@NAME@.pid; error_log @DIR@/@NAME@.log info;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
  @HTTP@
  access_log off;
  client_body_temp_path @DIR@/@NAME@-body; fastcgi_temp_path @DIR@/@NAME@-fcgi;
  proxy_temp_path @DIR@/@NAME@-proxy; uwsgi_temp_path @DIR@/@NAME@-uwsgi;
  scgi_temp_path @DIR@/@NAME@-scgi;
  upstream signpost { server unix:@SOCKET@; @UPSTREAM@ }
  server {
    listen @ADDRESS@:@PORT@;
    location / {
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param SCRIPT_NAME "";
      fastcgi_param PATH_INFO $document_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_pass signpost;
      @EXTRA@
    }
  }
}
EOT
    $t->start( $name, [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . "/$name.log" ] );
    $t->wait_for_port( $name, $port );
    return $port;
}

# HAProxy in front of a socket; its log is NAME.out. Options: socket; app, more lines of the fcgi-app; global and
# defaults, more lines of these sections.
sub haproxy {
    my ( $t, $name, %option ) = @_;
    $t->need('haproxy');
    my $port  = $t->port;
    my %value = (
        PORT     => $port,
        SOCKET   => $option{socket},
        APP      => $option{app}      // '',
        GLOBAL   => $option{global}   // '',
        DEFAULTS => $option{defaults} // '',
    );
    my $conf = $t->file( "$name.cfg", <<'EOT', %value );
global
    nbthread 1
    log stdout format raw local0
@GLOBAL@
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 10s
    timeout server 10s
@DEFAULTS@
fcgi-app signpost
    docroot /nonexistent
@APP@
frontend door
    bind 127.0.0.1:@PORT@
    default_backend signpost
backend signpost
    use-fcgi-app signpost
    server signpost unix@@SOCKET@ proto fcgi
EOT
    $t->start( $name, [ $t->find('haproxy'), '-db', '-f', $conf ] );
    $t->wait_for_port( $name, $port );
    return $port;
}

# Caddy in front of a socket. Options: socket.
sub caddy {
    my ( $t, $name, %option ) = @_;
    $t->need('caddy');
    my $port = $t->port;
    my $conf = $t->file( "$name.caddyfile", <<'EOT', PORT => $port, SOCKET => $option{socket} );
{
	admin off
	auto_https off
	default_bind 127.0.0.1
	storage file_system @DIR@/caddy
}
http://:@PORT@ {
	reverse_proxy unix/@SOCKET@ {
		transport fastcgi {
			root /nonexistent
			env SCRIPT_NAME ""
			env PATH_INFO {http.request.uri.path}
		}
	}
}
EOT
    $t->start( $name, [ $t->find('caddy'), qw(run --adapter caddyfile --config), $conf ] );
    $t->wait_for_port( $name, $port );
    return $port;
}

# h2o in front of a socket. Options: socket; extra, more lines of the path.
sub h2o {
    my ( $t, $name, %option ) = @_;
    $t->need('h2o');
    my $port  = $t->port;
    my $user  = $> == 0 ? 'user: nobody' : '';
    my %value = ( PORT => $port, SOCKET => $option{socket}, USER => $user, NAME => $name );
    my $conf  = $t->file( "$name.yaml", <<'EOT' . ( $option{extra} // '' ), %value );
@USER@
num-threads: 1
error-log: @DIR@/@NAME@.log
listen: { host: 127.0.0.1, port: @PORT@ }
hosts:
  default:
    paths:
      "/":
        fastcgi.connect: { port: @SOCKET@, type: unix }
EOT
    $t->start( $name, [ $t->find('h2o'), '-c', $conf ] );
    $t->wait_for_port( $name, $port );
    return $port;
}

my $modules = '/usr/lib/apache2/modules';

# Apache. Options: site, the lines of its only virtual host, @DIR@ and the keys of
# value standing for values; modules, what these lines need besides the core.
sub apache {
    my ( $t, $name, %option ) = @_;
    $t->need('apache2');
    my $port = $t->port;
    my $run  = $t->dir("$name.run");
    my $user = $> == 0 ? 'www-data' : undef;    # root's Apache gives up its rights
    chown( ( getpwnam $user )[ 2, 3 ], $run ) if $user;
    my @modules = ( 'mpm_event', 'authz_core', 'mime', 'env', @{ $option{modules} || [] } );
    for my $module (@modules) {
        $t->skip_all("Apache's mod_$module is not installed") if !-e "$modules/mod_$module.so";
    }
    my %value = (
        %{ $option{value} || {} },
        NAME    => $name,
        PORT    => $port,
        RUN     => $run,
        USER    => $user ? "User $user\nGroup $user" : '',
        MODULES => join( "\n", map { "LoadModule ${_}_module $modules/mod_$_.so" } @modules ),
    );
    my $conf = $t->file( "$name.conf", <<'EOT' . $option{site}, %value );
ServerRoot @RUN@
ServerName localhost
PidFile @RUN@/apache.pid
DefaultRuntimeDir @RUN@
Mutex file:@RUN@
ErrorLog @DIR@/@NAME@.log
@USER@
@MODULES@
Listen 127.0.0.1:@PORT@
<IfModule mpm_event_module>
  StartServers 1
  ThreadsPerChild 8
  MaxRequestWorkers 8
  MinSpareThreads 1
  MaxSpareThreads 8
</IfModule>
<IfModule fcgid_module>
  FcgidIPCDir @RUN@/fcgid
  FcgidProcessTableFile @RUN@/fcgid_shm
</IfModule>
<IfModule cgid_module>
  ScriptSock @RUN@/cgisock
</IfModule>
TypesConfig /dev/null
AcceptPathInfo On
<Directory />
  AllowOverride None
  Require all granted
</Directory>
EOT
    $t->start( $name, [ $t->find('apache2'), '-f', $conf, '-DFOREGROUND' ] );
    $t->wait_for_port( $name, $port );

    # mod_cgid gives its socket to Apache's user after it has begun to listen.
    my $owner = $user ? getpwnam $user : $>;
    $t->wait_for(
        sub {
            grep { ( stat $_ )[4] == $owner } glob "$run/cgisock*";
        }
    ) if grep { $_ eq 'cgid' } @modules;
    return $port;
}

# Apache with mod_fcgid, which starts signpost.fcgi itself. Options: conf, as of
# signpost; extra, more lines of the virtual host.
sub apache_fcgid {
    my ( $t, $name, %option ) = @_;
    my $program = $t->install( $t->program('signpost.fcgi'), "$name.bin/signpost.fcgi" );
    my $conf    = $t->file( "$name.bin/signpost.conf", $option{conf} );
    my %value   = ( PROGRAM => $program, SIGNPOSTCONF => $conf, EXTRA => $option{extra} // '' );
    return apache( $t, $name, modules => [qw(alias fcgid)], value => \%value, site => <<'EOT' );
AllowEncodedSlashes NoDecode
FcgidInitialEnv SIGNPOST_CONF @SIGNPOSTCONF@
FcgidMaxRequestsPerProcess 0
ScriptAlias "/" "@PROGRAM@/"
<Location "/">
  SetHandler fcgid-script
  Options +ExecCGI
</Location>
@EXTRA@
EOT
}

# Apache as on a shared host: all there is lies in the document root, a .htaccess,
# the program as registry.cgi, and its signpost.conf beside it. Options: conf, the
# configuration; extra, lines of a .htaccess beside the program; cgi_bin, true where
# programs may only run from /cgi-bin/, outside the document root. (Variables set in
# the document root's .htaccess do not reach a program there by their own name.)
sub shared_host {
    my ( $t, $name, %option ) = @_;
    my %value = ( ROOT => $t->dir("$name.www"), CGIBIN => $t->dir("$name.cgi-bin") );
    my $there = $option{cgi_bin} ? "$name.cgi-bin" : "$name.www";
    $t->install( $t->program('signpost.fcgi'), "$there/registry.cgi" );
    $t->file( "$there/signpost.conf", $option{conf} );
    my $rules = $option{cgi_bin} ? <<'EOT' : <<'EOT';
RewriteEngine On
RewriteRule !^cgi-bin/ /cgi-bin/registry.cgi [L]
EOT
Options +ExecCGI
AddHandler cgi-script .cgi
RewriteEngine On
RewriteRule ^ registry.cgi [L]
EOT
    my $extra = $option{extra} // '';
    $t->file( "$name.www/.htaccess",     $option{cgi_bin} ? $rules : $rules . $extra );
    $t->file( "$name.cgi-bin/.htaccess", $extra ) if $option{cgi_bin};
    return apache(
        $t, $name,
        modules => [qw(alias cgid rewrite)],
        value   => \%value,
        site    => <<'EOT' );
DocumentRoot @ROOT@
ScriptAlias /cgi-bin/ @CGIBIN@/
<Directory @ROOT@>
  AllowOverride FileInfo Options=ExecCGI
  Options FollowSymLinks
</Directory>
<Directory @CGIBIN@>
  AllowOverride FileInfo
</Directory>
EOT
}

# The plainest server that can be: runs signpost.fcgi as a CGI with SCRIPT_NAME,
# REMOTE_ADDR, REQUEST_METHOD, the client's region header, and nothing else. The
# configuration lies beside the program. Options: conf; region.
sub plain_server {
    my ( $t, $name, %option ) = @_;
    my $program = $t->install( $t->program('signpost.fcgi'), "$name.bin/registry.cgi" );
    $t->file( "$name.bin/signpost.conf", $option{conf} );
    my $port = $t->port;
    my $lib  = File::Basename::dirname( File::Basename::dirname(__FILE__) );
    $t->start(
        $name,
        [
            $^X, "-I$lib", '-MSignpost::Servers', '-e', 'Signpost::Servers::_serve_plainly(@ARGV)',
            $port, $program, $option{region}
        ]
    );
    $t->wait_for_port( $name, $port );
    return $port;
}

sub _serve_plainly {
    my ( $port, $program, $region ) = @_;
    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $port,
        Listen    => 64,
        ReuseAddr => 1
    ) or die "port $port: $!";
    local $SIG{CHLD} = 'IGNORE';
    while ( my $client = $listener->accept ) {
        next if fork // die "fork: $!";
        _answer_plainly( $client, $program, $region );
        exit 0;
    }
    return;
}

sub _answer_plainly {
    my ( $client, $program, $region ) = @_;
    local $SIG{CHLD} = 'DEFAULT';
    my ( $method, $path ) = ( <$client> // '' ) =~ m{^([A-Z]+) ([^? ]*)} or return;
    while ( defined( my $line = <$client> ) ) {
        last if $line =~ /^\r?\n/;
    }
    my %env = (
        SCRIPT_NAME          => $path =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger,
        REMOTE_ADDR          => $client->peerhost,
        REQUEST_METHOD       => $method,
        HTTP_X_CLIENT_REGION => $region
    );
    local %ENV = %env;
    open my $output, '-|', $program or die "$program: $!";
    my $answer = do { local $/ = undef; <$output> }
        // '';
    my ($status) = $answer =~ s/^Status: ([^\r\n]*)\r?\n// ? $1 : '500 No Status';
    print {$client} "HTTP/1.1 $status\r\nConnection: close\r\n$answer";
    close $client;
    return;
}

1;
