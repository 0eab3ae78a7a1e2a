# SPDX-License-Identifier: Apache-2.0
#
# Requests of all classes, through nginx with kept connections and through lighttpd, while the
# configuration is read again, the prober is killed, an index and a database are replaced, and
# an upstream dies and returns. Every answer is compared with what is right at that time.
#
#     my $soak = Signpost::Soak->start( $t, requests => 100_000, reload => 10, prober => 60,
#         files => 20, upstream => 30 );       # seconds from each to the next
#     $soak->run;
#     print $soak->figures; print "$_\n" for $soak->faults;
#
# Options: first, when the first sample of memory is taken (s); seconds, to end after so long, once
# all has happened; growth, how much private memory may grow after that sample (KB); connections, to
# each server; seed; index_lines; health_interval; sanitized, true if memory tells nothing.
#
# While the state of the front door changes (see SoakCases), its old and its new one are possible;
# the load (soak_load) is told which.
package Signpost::Soak;

use strict;
use warnings;

use File::Copy          ();
use List::Util          qw(max);
use Signpost::Door      qw(state_dir);
use Signpost::Servers   qw(signpost nginx lighttpd);
use Signpost::SoakCases qw(PARTS state_number mask_of lines_of_index feed witness_of);
use Signpost::Wire      qw(http);
use Time::HiRes         qw(time sleep);

use constant {
    CHANGE_MAX   => 30,      # seconds until a change has its effect
    PROBER_MAX   => 15,      # … until there is a prober again
    SOCKETS_MAX  => 8,       # kept connections come and go
    PROBER_GROWS => 2048,    # KB, with its connections
};

my $keep_conn = 'keepalive 64; keepalive_requests 1000000000;';

# ---- the scene ----

# The registries: "eu" is a process of its own, which dies.
sub _upstreams {
    my ($self) = @_;
    my $t      = $self->{t};
    my $server = sub {
        my ( $name, $location ) = @_;
        return "server { listen 127.0.0.1:$self->{port}{$name}; $location }\n";
    };
    my $registry = <<'EOT';
      default_type application/vnd.oci.image.manifest.v1+json;
      location = /v2/ { add_header Docker-Distribution-Api-Version registry/2.0; return 200 "{}"; }
      location ~ /(?:manifests|blobs)/(?<d>sha256:[0-9a-e].*)$ {
        add_header Docker-Content-Digest $d; return 200 "content"; }
      location / { return 404 "{}"; }
EOT
    my $bucket = <<'EOT';
      default_type application/octet-stream;
      location ~ ^/blobs/sha256:[0-7] { return 200 "content"; }
      location / { return 404 "{}"; }
EOT
    my $all = $registry =~ s/0-9a-e/0-9a-f/r;
    $self->{port}{$_} = $t->port for qw(eu uk us asia cdn);
    $self->_registries( eu => $server->( eu => $registry ) );
    $self->_registries(
        others => join '',
        $server->( us  => $all ),
        $server->( cdn => $bucket ),
        map { $server->( $_ => $registry ) } qw(uk asia)
    );
    return;
}

sub _registries {
    my ( $self, $name, $servers ) = @_;
    my $t    = $self->{t};
    my $conf = $t->file( "$name.conf", <<'EOT' . $servers . "}\n", NAME => $name );
daemon off; master_process off; worker_processes 1;
pid @DIR@/@NAME@.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path @DIR@/@NAME@-body; fastcgi_temp_path @DIR@/@NAME@-fcgi;
  proxy_temp_path @DIR@/@NAME@-proxy; uwsgi_temp_path @DIR@/@NAME@-uwsgi;
  scgi_temp_path @DIR@/@NAME@-scgi;
EOT
    $self->{registry}{$name} = [ $t->find('nginx'), '-c', $conf, '-e', "$conf.log" ];
    $t->start( $name, $self->{registry}{$name} );
    return;
}

# The files A and B of the index and the database.
sub _files {
    my ($self) = @_;
    my $t = $self->{t};
    for my $which ( 0, 1 ) {
        $t->file( "index.$which", join '', lines_of_index( $which, $self->{index_lines} ) );
        my $feed     = $t->file( "feed$which.csv", join '', feed($which) );
        my $database = $t->folder . "/database.$which";
        my $run      = $t->run( [ $t->program('signpost'), qw(ranges -q -o), $database, $feed ] );
        $t->skip_all('signpost was built without libmaxminddb') if $run->{status};
    }
    return;
}

sub _place {
    my ( $self, $what, $which ) = @_;
    my $folder = $self->{t}->folder;
    File::Copy::copy( "$folder/$what.$which", "$folder/$what.new" ) or die "$what: $!";
    rename "$folder/$what.new", "$folder/$what" or die "$what: $!";
    return;
}

sub _front_doors {
    my ($self) = @_;
    my $t      = $self->{t};
    my %url    = map { $_ => "http://127.0.0.1:$self->{port}{$_}" } keys %{ $self->{port} };
    $self->{state} = state_dir( $t, 'state' );
    my $conf = <<"EOT";
name      = "registry.example.org";
upstreams = {
  eu   = { url = "$url{eu}"; place = "aws:eu-west-3"; serves = [ "EU" ]; };
  uk   = { url = "$url{uk}"; place = "aws:eu-west-2"; serves = [ "GB" ]; };
  us   = { url = "$url{us}"; place = "aws:us-east-1"; serves = [ "NA" ]; };
  asia = { url = "$url{asia}"; place = "aws:ap-northeast-1"; serves = [ "AS" ]; };
};
canonical = [ "us" ];
buckets   = ( { name = "cdn"; serves = [ "*" ]; url = "$url{cdn}/blobs/{digest}"; } );
databases = [ "database" ];
index     = "index";
pages     = ( { path = "/"; url = "https://www.example.org/about"; } );
rules     = ( { match = "signature"; to = [ "canonical" ]; },
              { match = "signature-digest"; to = [ "canonical" ]; },
              { match = "tags-list"; to = [ "canonical" ]; },
              { match = "manifest-digest"; to = [ "nearest?", "canonical" ]; },
              { match = "blob"; to = [ "bucket?", "nearest?", "canonical" ]; },
              { match = "*"; to = [ "nearest" ]; } );
trusted_proxies = [ "127.0.0.1" ];
state           = "$self->{state}";
prober          = "start";
prober_program  = "${\ $t->program('signpost') }";
health_interval = $self->{health_interval}; health_fall = 2; health_rise = 2; health_return = 0;
absent_lifetime = 86400;
metrics = "on";
EOT
    for my $server (qw(nginx lighttpd)) {
        $self->{socket}{$server} = signpost( $t, "for-$server", conf => $conf );
    }
    $self->{conf} = $t->folder . '/for-nginx.conf';
    $self->{door}{nginx} = nginx(
        $t, 'nginx',
        socket   => $self->{socket}{nginx},
        upstream => $keep_conn,
        extra    => 'fastcgi_keep_conn on;'
    );
    $self->{door}{lighttpd} = lighttpd(
        $t, 'lighttpd',
        socket => $self->{socket}{lighttpd},
        extra  => "server.max-keep-alive-requests = 100000\nserver.max-keep-alive-idle = 60"
    );
    return;
}

# ---- the states that are possible ----

sub _tell_load {
    my ( $self, $offset, $byte ) = @_;
    sysseek $self->{control}, $offset, 0 or die "control: $!";
    syswrite $self->{control}, $byte or die "control: $!";
    return;
}

sub _say_possible {
    my ($self) = @_;
    $self->_tell_load( 0, chr mask_of( $self->{possible} ) );
    return;
}

# Whether a part of the state is 0 or 1, as a client of a server sees it.
sub _sees {
    my ( $self, $server, $part )  = @_;
    my ( $path, $header, $means ) = witness_of($part);
    my $answer   = http( $self->{door}{$server}, GET => $path, @$header );
    my ($port)   = ( $answer->{header}{location} // '' ) =~ /:(\d+)/ or return '';
    my ($target) = grep { $self->{port}{$_} == $port } keys %{ $self->{port} };
    return $means->{$target} // '';
}

# Changes one part of the state; both are possible until both servers show the new one.
sub _change {
    my ( $self, $what, $to, $how ) = @_;
    $self->{possible}{$what} = { 0 => 1, 1 => 1 };
    $self->_say_possible;
    $how->();
    $self->{pending}{$what} = { to => $to, since => time };
    return;
}

sub _settle {
    my ($self) = @_;
    for my $what ( sort keys %{ $self->{pending} } ) {
        my ( $to, $since ) = @{ $self->{pending}{$what} }{qw(to since)};
        my @not = grep { $self->_sees( $_, $what ) ne $to } sort keys %{ $self->{door} };
        if ( !@not ) {
            delete $self->{pending}{$what};
            $self->{possible}{$what} = { $to => 1 };
            $self->{slowest}{$what}  = max( $self->{slowest}{$what} // 0, time - $since );
            $self->_say_possible;
        }
        elsif ( time - $since > CHANGE_MAX ) {
            $self->_fault(
                "a change of the $what has had no effect within " . CHANGE_MAX . " s behind @not" );
            $self->{pending}{$what}{since} = time;
        }
    }
    return;
}

sub _is_settled { return !%{ $_[0]{pending} } }

sub _fault {
    my ( $self, $what ) = @_;
    push @{ $self->{fault} }, $what;
    return;
}

sub _command {
    my ( $self, @arguments ) = @_;
    my $t = $self->{t};
    return $t->run( [ $t->program('signpost'), @arguments, '--config', $self->{conf} ] );
}

# ---- start ----

sub start {
    my ( $class, $t, %option ) = @_;
    $t->need(qw(nginx lighttpd));
    my $self = bless {
        index_lines     => 20_000,
        health_interval => 2,
        connections     => 16,
        seed            => 1,
        seconds         => 1e9,
        first           => 60,
        growth          => 128,
        %option,
        t       => $t,
        fault   => [],
        count   => { reload => 0, prober => 0, files => 0, upstream => 0 },
        pending => {},
        life    => []
    }, $class;
    $self->_upstreams;
    $self->_files;
    $self->_place( database => 0 );
    $self->_place( index    => 1 );
    $self->_front_doors;
    $self->{cases} = Signpost::SoakCases->new( $self->{port} );
    my $path = $t->file( 'soak.control', "\0" x 4096 );
    open $self->{control}, '+<:raw', $path or die "$path: $!";
    $self->_warm_up;
    return $self;
}

# Asks for each thing in each state until all is known, as after a day's work: afterwards there
# is one right answer in each state.
sub _warm_up {
    my ($self) = @_;
    $self->{possible} = { upstream => { 0 => 1 }, database => { 0 => 1 }, index => { 1 => 1 } };
    $self->_ask_all( index => 1 );
    $self->_command( 'drain', 'eu' );
    $self->_ask_all( index => 1, upstream => 1 );
    $self->_change( index => 0, sub { $self->_place( index => 0 ) } );
    $self->_ask_all( upstream => 1 );
    $self->_command( 'undrain', 'eu' );
    $self->_ask_all;
    $self->{pending}  = {};
    $self->{possible} = { map { $_ => { 0 => 1 } } PARTS };
    $self->_say_possible;
    return;
}

sub _ask_all {
    my ( $self, %is ) = @_;
    my $t      = $self->{t};
    my $number = state_number(%is);
    for my $what (PARTS) {
        for my $server ( sort keys %{ $self->{door} } ) {
            $t->wait_for( sub { $self->_sees( $server, $what ) eq ( $is{$what} // 0 ) },
                CHANGE_MAX )
                or die "the $what is not seen behind $server: "
                . $self->_sees( $server, $what ) . "\n"
                . $t->complaints("for-$server");
        }
    }
    for my $kind ( grep { $_->{target} !~ /\{new\}/ } $self->{cases}->kinds ) {
        my ($server) = $number % 2 ? 'nginx' : 'lighttpd';
        my $got;
        $t->wait_for(
            sub {
                $got = $self->_answer( $server, $kind );
                ( $kind->{states}{$got} // 0 ) & 1 << $number;
            }
            )
            or die "$server: $kind->{method} $kind->{target} $kind->{header} gives $got, not "
            . join( ' or ', grep { $kind->{states}{$_} & 1 << $number } keys %{ $kind->{states} } )
            . "\n";
    }
    return;
}

sub _answer {
    my ( $self, $server, $kind ) = @_;
    my $answer = http( $self->{door}{$server},
        $kind->{method}, $kind->{target}, split /: /, $kind->{header}, 2 );
    my $status = $answer->{status} // 'nothing';
    return "$status "
        . ( $answer->{header}{location} // ( $answer->{body} =~ /"code":"(\w+)"/ )[0] // '' );
}

# ---- memory and descriptors ----

sub _prober_pid {
    my ($self) = @_;
    my ($pid)  = map { /prober\D*(\d+)/ ? $1 : () } glob "$self->{state}/processes/*";
    return $pid && kill( 0, $pid ) ? $pid : undef;
}

sub _size {
    my ( $self, $pid ) = @_;
    my $t    = $self->{t};
    my $told = $t->slurp("/proc/$pid/smaps_rollup") . $t->slurp("/proc/$pid/status");
    my %size = ( RssAnon => 0, Private_Dirty => 0, $told =~ /^(Private_Dirty|RssAnon):\s+(\d+)/mg );
    my @open = map { readlink($_) // '' } glob "/proc/$pid/fd/*";
    $size{sockets} = grep { /^socket:/ } @open;
    $size{files}   = @open - $size{sockets};
    $size{maps}    = () = $t->slurp("/proc/$pid/maps") =~ /^/mg;
    return \%size;
}

# The sizes of the responders, with no request under way.
sub _sample {
    my ($self) = @_;
    my $t = $self->{t};
    $self->_tell_load( 1, 'p' );
    $t->wait_for( sub { $self->_progress('under_way') == 0 } );
    sleep 0.3;
    my %sample = map { $_ => $self->_size( $t->pid("for-$_") ) } sort keys %{ $self->{door} };
    $self->_tell_load( 1, "\0" );
    push @{ $self->{sample} }, \%sample;
    return;
}

sub _progress {
    my ( $self, $what ) = @_;
    sysseek $self->{control}, 64, 0 or die "control: $!";
    sysread $self->{control}, my $bytes, 16;
    my ( $under_way, $answered ) = unpack 'QQ', $bytes;
    return $what eq 'under_way' ? $under_way : $answered;
}

# ---- what happens ----

sub _reload {
    my ($self) = @_;
    my $run = $self->_command('reload');
    $self->_fault("a reload has failed: $run->{out}$run->{err}")
        if $run->{status} || $run->{out} !~ /^2 responders/;
    return 1;
}

sub _kill_prober {
    my ($self) = @_;
    my $pid = $self->_prober_pid;
    return 0 if !$pid || $self->{killed};    # the one before is being replaced
    $self->_note_life($pid);
    kill 'KILL', $pid;
    $self->{killed} = { pid => $pid, at => time };
    return 1;
}

sub _note_life {
    my ( $self, $pid ) = @_;
    my $half = delete $self->{half};
    push @{ $self->{life} },
        {
        end  => $self->_size($pid),
        half => $half && $half->{pid} == $pid ? $half->{size} : undef
        };
    return;
}

sub _look_for_prober {
    my ($self) = @_;
    my $pid = $self->_prober_pid;
    return $self->_look_for_next($pid) if $self->{killed};
    $self->{born} = { pid => $pid, at => time }
        if $pid && ( !$self->{born} || $self->{born}{pid} != $pid );
    $self->{half} = { pid => $pid, size => $self->_size($pid) }
        if $pid && !$self->{half} && time - $self->{born}{at} > $self->{prober} / 2;
    return;
}

sub _look_for_next {
    my ( $self, $pid ) = @_;
    my $killed = $self->{killed};
    my $took   = time - $killed->{at};
    if ( $pid && $pid != $killed->{pid} ) {
        $self->{slowest}{prober} = max( $self->{slowest}{prober} // 0, $took );
    }
    elsif ( $took <= PROBER_MAX ) {
        return;
    }
    else {
        $self->_fault( 'there is no prober ' . PROBER_MAX . ' s after it was killed' );
    }
    delete $self->{killed};
    return;
}

sub _replace_files {
    my ($self) = @_;
    return 0 if grep { $self->{pending}{$_} } qw(index database);
    my $to = $self->{count}{files} % 2 ? 0 : 1;
    for my $what (qw(index database)) {
        $self->_change( $what => $to, sub { $self->_place( $what => $to ) } );
    }
    return 1;
}

sub _turn_upstream {
    my ($self) = @_;
    return 0 if $self->{pending}{upstream};
    my $t    = $self->{t};
    my $down = $self->{count}{upstream} % 2 ? 0 : 1;
    $self->_change(
        upstream => $down,
        $down ? sub { $t->stop('eu') } : sub { $t->start( eu => $self->{registry}{eu} ) }
    );
    return 1;
}

my %happens = (
    reload   => \&_reload,
    prober   => \&_kill_prober,
    files    => \&_replace_files,
    upstream => \&_turn_upstream,
);

# Sends all requests; what happens meanwhile happens again and again.
sub run {
    my ($self)  = @_;
    my $t       = $self->{t};
    my $cases   = $t->file( 'soak.cases', $self->{cases}->text );
    my $program = $t->built('t/bench/soak_load');
    -x $program or die "$program is not there: run make bench first\n";
    my $half    = int( $self->{requests} / 2 );
    my @servers = map { ( $_, $self->{door}{$_}, $self->{connections} ) } qw(nginx lighttpd);
    $t->start(
        load => [
            $program,           $cases,             $t->folder . '/soak.control',
            $self->{seed},      @servers[ 0 .. 2 ], $self->{requests} - $half,
            @servers[ 3 .. 5 ], $half
        ]
    );
    my $began = time;
    my %due   = map { $_ => $began + $self->{$_} } keys %happens;

    while ( $t->is_running('load') ) {
        for my $what ( sort { $due{$a} <=> $due{$b} } grep { $due{$_} <= time } keys %due ) {
            $happens{$what}->($self) or next;
            $self->{count}{$what}++;
            $due{$what} = max( $due{$what} + $self->{$what}, time );
        }
        $self->_look_for_prober;
        $self->_settle;
        $self->_early_sample($began);
        $self->_tell_load( 1, 'q' )
            if time - $began > $self->{seconds} && ( $self->_is_enough || $self->faults );
        sleep 0.05;
    }
    $self->_end;
    return;
}

# Whether everything has happened, an upstream's return and a first sample, too.
sub _is_enough {
    my ($self) = @_;
    my $count = $self->{count};
    return $self->{sample} && $count->{upstream} > 1 && !grep { !$_ } values %$count;
}

# The first sample, once the start is over.
sub _early_sample {
    my ( $self, $began ) = @_;
    $self->_sample
        if !$self->{sample} && $self->_is_settled && time - $began >= $self->{first};
    return;
}

sub _end {
    my ($self) = @_;
    my $t = $self->{t};
    $t->start( eu => $self->{registry}{eu} ) if !$t->is_running('eu');
    $self->_change( upstream => 0, sub { } );
    $t->wait_for(
        sub { $self->_settle; $self->_look_for_prober; $self->_is_settled && !$self->{killed} },
        2 * CHANGE_MAX );
    $self->_fault("$_ has ended")
        for grep { !$t->is_running($_) } qw(nginx lighttpd for-nginx for-lighttpd);
    $self->_sample if $self->{sample};
    my $pid = $self->_prober_pid;
    $self->_note_life($pid) if $pid;
    $self->_read_load;
    $self->_compare;
    $self->_look_at_logs;
    $t->stop($_) for qw(nginx lighttpd for-nginx for-lighttpd);
    kill 'TERM', $pid if $pid;
    $self->_fault('the prober has not ended')
        if $pid && !$t->wait_for( sub { !kill 0, $pid } );
    return;
}

sub _read_load {
    my ($self) = @_;
    my $t      = $self->{t};
    my $status = $t->wait_end('load') // -1;
    for my $line ( split /\n/, $t->slurp('load.out') ) {
        my ( $what, @more ) = split /\t/, $line;
        if ( $what ne 'server' ) {
            $self->_fault("$what: @more");
            next;
        }
        my ( $name, @figures ) = @more;
        @{ $self->{load}{$name} }{qw(answered wrong lost connections seconds)} = @figures;
    }
    my $bad = grep { $_->{wrong} || $_->{lost} } values %{ $self->{load} };
    $self->_fault( "soak_load has ended with $status: " . $t->slurp('load.err') )
        if $status != ( $bad ? 256 : 0 ) || keys %{ $self->{load} } != 2;
    return;
}

sub _compare {
    my ($self) = @_;
    my ( $first, $last ) = @{ $self->{sample} // [] }[ 0, -1 ];
    if ( !$last ) {
        $self->_fault('it was over before the first sample was taken');
        return;
    }
    my %most = (
        sockets       => SOCKETS_MAX,
        files         => 0,
        maps          => 1,
        RssAnon       => $self->{growth},
        Private_Dirty => $self->{growth}
    );
    $self->_grows( "the responder for $_", $first->{$_}, $last->{$_}, %most ) for sort keys %$first;

    # The prober's connections come and go, and it writes the cache, which is a mapped file.
    %most = ( files => 2, RssAnon => PROBER_GROWS );
    my @life = @{ $self->{life} };
    $self->_grows( 'the prober, in the second half of its life', $_->{half}, $_->{end}, %most )
        for grep { $_->{half} } @life;
    $self->_grows( 'the prober', $life[0]{end}, $life[-1]{end}, %most ) if @life;
    return;
}

sub _grows {
    my ( $self, $who, $first, $last, %most ) = @_;
    delete @most{qw(maps RssAnon Private_Dirty)} if $self->{sanitized};
    for my $what ( sort keys %most ) {
        $self->_fault("$who: $what grew from $first->{$what} to $last->{$what}")
            if $last->{$what} - $first->{$what} > $most{$what};
    }
    return;
}

# Failures that a web server hides by trying once more.
sub _look_at_logs {
    my ($self) = @_;
    my $t      = $self->{t};
    my @bad    = (
        ( grep { /\[(?:error|crit|alert|emerg)\]/ } split /^/, $t->slurp('nginx.log') ),
        ( grep { /gw_backend|mod_fastcgi/ } split /^/, $t->slurp('lighttpd.log') )
    );
    $self->_fault( scalar @bad . " complaints of the web servers, the first: $bad[0]" ) if @bad;
    $self->{complaints} = @bad;
    return;
}

# ---- the figures ----

sub faults { return @{ $_[0]{fault} } }
sub load   { return $_[0]{load} }
sub count  { return $_[0]{count} }

sub figures {
    my ($self) = @_;
    my $text = '';
    for my $name ( sort keys %{ $self->{load} } ) {
        my $load = $self->{load}{$name};
        $text .= sprintf "%-9s %9d requests, %6.0f a second, %d connections: %d wrong, %d lost\n",
            $name, $load->{answered}, $load->{answered} / ( $load->{seconds} || 1 ),
            @$load{qw(connections wrong lost)};
    }
    my %count = %{ $self->{count} };
    my %slow  = ( ( map { $_ => 0 } PARTS, 'prober' ), %{ $self->{slowest} || {} } );
    $text .= sprintf "%d reloads; %d kills of the prober (there again within %.1f s)\n",
        $count{reload}, $count{prober}, $slow{prober};
    $text .= sprintf
        "%d replacements of index and database (in use within %.1f and %.1f s); %d deaths of an upstream (%.1f s)\n",
        $count{files}, $slow{index}, $slow{database}, ( $count{upstream} + 1 ) / 2, $slow{upstream};
    my ( $first, $last ) = @{ $self->{sample} // [] }[ 0, -1 ];
    for my $name ( $last ? sort keys %$last : () ) {
        $text .= _growth( "responder for $name", $first->{$name}, $last->{$name} );
    }
    my @life = map { $_->{end} } @{ $self->{life} };
    $text .= _growth( 'prober, at its first and last death', @life[ 0, -1 ] ) if @life;
    return $text;
}

sub _growth {
    my ( $who, $first, $last ) = @_;
    return "$who: "
        . join( ', ',
        map { "$_->[1] $first->{$_->[0]} to $last->{$_->[0]}" } [ RssAnon => 'private KB' ],
        [ Private_Dirty => 'dirty KB' ],
        [ files         => 'files' ],
        [ sockets       => 'sockets' ],
        [ maps          => 'maps' ] )
        . "\n";
}

1;
