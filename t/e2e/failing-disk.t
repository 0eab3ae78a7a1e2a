# SPDX-License-Identifier: Apache-2.0
#
# Processes that stay, on a disk that fails: prober and responder serve on, say so once, and
# write again when they can; a prober that is killed, or loses the machine's power, at any of its
# calls that write leaves nothing that stops the next one. And the same on a real disk that is full.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use JSON::PP          ();
use Signpost::Door    qw(state_dir two_registries);
use Signpost::FastCGI qw(request variables);
use Signpost::FaultyDisk;
use Signpost::Prober;
use Signpost::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $forever  = 1 << 40;
my $has_prober =
    $t->run( [ $signpost, qw(prober --config /dev/null) ] )->{err} !~ /built without/;
my %text = map {
    $_ => do { local $! = Errno->can($_)->(); "$!" }
} qw(ENOSPC EIO EDQUOT EROFS);

# A folder with a state directory, and its configuration.
sub scene {
    my ( $name, $more ) = @_;
    my $folder = $t->dir($name);
    my $state  = state_dir( $t, "$name/state" );
    my $text   = two_registries(
        eu    => 'http://127.0.0.1:1',
        state => $state,
        more  => 'prober = "service"; health_interval = 1; cache_size = 1; ' . ( $more // '' )
    );
    return ( $folder, $state, $t->file( "$name.conf", $text =~ s/us\.example\.org/127.0.0.1:2/r ) );
}

sub said {
    my ( $name, $what ) = @_;
    return scalar( () = $t->slurp("$name.err") =~ /$what/g );
}

# What is wrong with the files that a prober has written, at any time.
sub damaged {
    my ($state) = @_;
    my %end = (
        health                => qr/\A(?:signpost-health .*\n)?(?:[a-z]+ .*\n)*\z/,
        'public/metrics.prom' => qr/\A(?:.+\n)*\z/,
        'public/index.html'   => qr{\A(?:.*</html>\n?)?\z}s,
        'public/live.html'    => qr{\A(?:.*</html>\n?)?\z}s,
        'public/status.json'  => qr/\A(?:\{.*\}\n?)?\z/s,
    );
    return grep { $t->slurp("$state/$_") !~ $end{$_} } sort keys %end;
}

sub names {
    return sort map { s{.*/}{}r } grep { -e } glob "$_[0]/.[a-z]* $_[0]/*";
}

subtest 'a prober that is killed' => sub {
    plan skip_all => 'this signpost has no prober' if !$has_prober;
    my ( $folder, $state, $conf ) = scene('killed');
    my $disk    = Signpost::FaultyDisk->new( $t, $folder );
    my @command = ( $signpost, qw(prober --stay --config), $conf );
    my ( @wrong, $calls );
    for my $n ( 1 .. 150 ) {
        my $loss = $n % 2 ? 'kill' : 'lose both';
        $disk->plan( $loss, $n, $n );
        $t->start( 'victim', \@command, env => { $disk->environment } );
        my $ended = $t->wait_for(
            sub {
                !$t->is_running('victim') || -s "$state/public/status.json" && $disk->calls >= $n;
            }
        );
        $t->wait_for( sub { !$t->is_running('victim') } ) if $disk->hits;
        my $status = $t->is_running('victim') ? 'none' : $t->{process}{victim}{status};
        my $what   = $disk->last;
        $t->stop('victim');
        push @wrong, "$loss at $n, $what: status $status: " . $t->slurp('victim.err')
            if $status ne '9';
        push @wrong, "$loss at $n, $what: $_ is damaged" for damaged($state);
        my $run = $t->run( [ $signpost, 'state', '--config', $conf ] );
        push @wrong, "$loss at $n, $what: state: $run->{err}" if $run->{status} > 1 || $run->{err};
        last if @wrong > 5 || -s "$state/public/status.json" && $what =~ m{renameat.*/processes/};
        unlink glob "$state/public/*";
        $calls = $n;
    }
    is_deeply( \@wrong, [], 'leaves whole files, whatever it was doing' );
    cmp_ok( $calls, '>', 20, "$calls calls" );
    utime 1, 1, glob "$state/processes/.[a-z]*";    # so old that nobody is still at it
    unlink glob "$state/public/*";
    my $pid = $t->start( 'victim', \@command );
    ok(
        $t->wait_for(
            sub { -s "$state/public/status.json" && glob "$state/processes/prober-$pid-*" }
        ),
        'the next one serves'
    );
    like(
        $t->slurp("$state/health"),
        qr/^signpost-health .* $pid$/m,
        '  and says how the targets are'
    );
    is_deeply( [ grep { /^\./ } names($state), names("$state/public"), names("$state/processes") ],
        [], '  and nothing is left of those before' );
    is( $t->stop('victim'), 0, '  and ends as it should' );
};

subtest 'a prober whose disk fails' => sub {
    plan skip_all => 'this signpost has no prober' if !$has_prober;
    my ( %disk, %state, %prober );
    for my $fault ( sort keys %text ) {
        my ( $folder, $state, $conf ) = scene("prober-$fault");
        $disk{$fault}  = Signpost::FaultyDisk->new( $t, $folder );
        $state{$fault} = $state;
        $t->start(
            "prober-$fault",
            [ $signpost, qw(prober --stay --config), $conf ],
            env => { $disk{$fault}->environment }
        );
        $prober{$fault} = bless { t => $t, name => "prober-$fault", state => $state },
            'Signpost::Prober';
    }
    $t->wait_for( sub { -s "$state{$_}/public/status.json" } ) for sort keys %disk;
    $disk{$_}->plan( $_, 1, $forever ) for keys %disk;
    sleep 5;
    for my $fault ( sort keys %disk ) {
        my $name   = "prober-$fault";
        my $before = $prober{$fault}->health->{published} // 0;
        ok( $t->is_running($name) && $prober{$fault}->try_client, "$fault: it serves on" );
        cmp_ok( $disk{$fault}->hits, '>', 4, '  though writing failed again and again' );
        is(
            said(
                $name, qr{The file \Q$state{$fault}\E/health cannot be written: $text{$fault}\.}
            ),
            1,
            '  says so once'
        ) or diag $t->complaints($name);
        cmp_ok( said( $name, qr{cannot be written} ), '<=', 3, '  and little more' )
            or diag $t->complaints($name);
        is_deeply( [ damaged( $state{$fault} ) ], [], '  leaves whole files' );
        $disk{$fault}->plan;
        ok( $prober{$fault}->wait_for_health( sub { ( $_[0]{published} // 0 ) > $before } ),
            '  and writes again when it can' );
        $t->wait_for(
            sub {
                my @left = grep { /^\./ } names( $state{$fault} ), names("$state{$fault}/public");
                !@left;
            }
        );
        is_deeply( [ grep { /^\./ } names( $state{$fault} ), names("$state{$fault}/public") ],
            [], '  leaving nothing else' );
        is( $t->stop($name), 0, '  and ends as it should' );
    }
};

# ---- the log ----

sub responder {
    my ( $name, $conf, %option ) = @_;
    my $path = $t->folder . "/$name.sock";
    unlink $path;
    my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 100 ) or die "$path: $!";
    $t->start(
        $name, [ @{ $option{command} || [] }, $t->program('signpost.fcgi') ],
        stdin => $socket,
        env   => { SIGNPOST_CONF => $conf, %{ $option{env} || {} } }
    );
    return $path;
}

# How many of so many requests get their answer.
sub served {
    my ( $socket, $count, $tag ) = @_;
    my $good = 0;
    my $c    = Signpost::FastCGI->new($socket) or return 'no connection';
    for ( 1 .. $count ) {
        $c->send(
            request(
                variables( "/v2/app/manifests/$tag", HTTP_X_CLIENT_REGION => 'FR' ),
                keep => 1
            )
        );
        $good += ( $c->answer || {} )->{status} == 307;
    }
    return $good;
}

my $log_json = 'log = "all"; log_format = "json";';

# The lines of a log that are none, and how many there are.
sub log_lines {
    my ($path) = @_;
    my @lines  = split /\n/, $t->slurp($path);
    my @torn   = grep {
        !eval { JSON::PP::decode_json($_) }
    } @lines;
    return ( scalar @lines, @torn );
}

for my $fault (qw(full EIO)) {
    subtest "a responder whose log cannot be written: $fault" => sub {
        my ( $folder, $state, $conf ) =
            scene( "log-$fault", qq($log_json log_to = "@{[ $t->folder ]}/log-$fault/log";) );
        my $disk   = Signpost::FaultyDisk->new( $t, $folder );
        my $socket = responder( "responder-$fault", $conf, env => { $disk->environment } );
        is( served( $socket, 10, 'before' ), 10, 'requests are served' );
        $t->wait_for( sub { ( log_lines("$folder/log") )[0] == 10 } );
        $disk->plan( $fault, 1, $forever );
        is( served( $socket, 1000, 'meanwhile' ), 1000, 'and while it cannot be written' );
        sleep 1.2;
        is( served( $socket, 10, 'meanwhile' ), 10, 'and later' );
        my $reason = $text{$fault} // $text{ENOSPC};
        is( said( "responder-$fault", qr{The log \Q$folder\E/log cannot be written: $reason\.} ),
            1, 'it says so once' )
            or diag $t->complaints("responder-$fault");
        $disk->plan;
        ok(
            $t->wait_for( sub { said( "responder-$fault", qr/The log can be written again\./ ) } ),
            'and that it can again'
        );
        is( served( $socket, 10, 'after' ), 10, 'and after it' );
        ok( $t->wait_for( sub { $t->slurp("$folder/log") =~ /after/ } ),
            'what comes then is there' );
        my ( $count, @torn ) = log_lines("$folder/log");
        is_deeply( \@torn, [], "all of its $count lines are whole" );

        # A line that was cut off, and then the machine.
        $disk->plan( 'full', 1, $forever );
        served( $socket, 1, 'last' );
        $t->wait_for( sub { $t->slurp("$folder/log") !~ /\n\z/ } );
        $t->stop( "responder-$fault", 'KILL' );
        unlike( $t->slurp("$folder/log"), qr/\n\z/, 'after a kill its last line has no end' );
        $socket = responder( "responder-$fault", $conf );
        served( $socket, 1, 'next' );
        $t->wait_for( sub { $t->slurp("$folder/log") =~ /next.*\n/ } );
        ( $count, @torn ) = log_lines("$folder/log");
        is( scalar @torn, 1, 'the next process begins a line of its own' ) or diag "@torn";
        is( $t->stop("responder-$fault"), 0, 'it ends as it should' );
    };
}

subtest 'a real disk that is full' => sub {
    plan skip_all => 'this signpost has no prober' if !$has_prober;
    $t->need(qw(unshare nsenter dd));
    my ( $folder, $state, $conf ) = scene( 'disk',
        qq($log_json log_to = "@{[ $t->folder ]}/disk/log"; index = "@{[ $t->folder ]}/disk/signatures.index";)
    );
    my $mount = "mount -t tmpfs -o size=2m,mode=0755 none '$folder' && mkdir -m 755 '$state'";
    $t->run( [ 'unshare', '-m', 'sh', '-c', $mount ] )->{status} == 0
        or plan skip_all => 'file systems cannot be mounted here';
    my $pid = $t->start(
        'full',
        [
            'unshare', '-m', 'sh', '-c',
            "$mount && exec '$signpost' prober --stay --config '$conf'"
        ]
    );
    my $inside = "/proc/$pid/root$folder";
    ok( $t->wait_for( sub { -s "$inside/state/public/status.json" } ), 'a prober is there' )
        or diag $t->complaints('full');
    my @enter  = ( 'nsenter', "--mount=/proc/$pid/ns/mnt", '--' );
    my $socket = responder( 'front', $conf, command => \@enter );
    is( served( $socket, 10, 'before' ), 10, 'and a responder' );
    my $digest = 'sha256:' . 'a' x 64;
    my $ranges = $t->file( 'ranges.json',
        '{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"eu-west-1","service":"EC2"}]}' );
    my @compile = ( @enter, $signpost, qw(ranges -q -o), "$folder/a.mmdb", $ranges );
    is( $t->run( \@compile )->{status}, 0, 'a database is written' );
    my $database = $t->slurp("$inside/a.mmdb");
    $t->run( [ 'dd', 'if=/dev/zero', "of=$inside/fill", 'bs=4k', 'count=600' ] );
    my $other = $t->file( 'other.json',
        '{"prefixes":[{"ip_prefix":"198.51.100.0/24","region":"us-east-1","service":"EC2"}]}' );
    $compile[-1] = $other;
    my $run = $t->run( \@compile );
    is( $run->{status}, 1, 'none is when the disk is full' );
    is( $run->{err},    "$folder/a.mmdb cannot be written: $text{ENOSPC}.\n", '… with the reason' );
    is( $t->slurp("$inside/a.mmdb"),          $database, '… and the old one stays' );
    is( served( $socket, 1000, 'meanwhile' ), 1000,      'requests are served' );
    ok( $t->wait_for( sub { said( 'full', qr{state/health cannot be written: $text{ENOSPC}} ) } ),
        'the prober says it' )
        or diag $t->complaints('full');
    ok( $t->wait_for( sub { said( 'front', qr{disk/log cannot be written: $text{ENOSPC}} ) } ),
        'the responder says it' );
    sleep 2.5;
    is( served( $socket, 10, 'meanwhile' ), 10, 'requests are served on' );
    is( said( 'full', qr{/health cannot be written} ), 1, 'the prober has said it once' );
    is( said( 'full', qr{/public/\S+ cannot be written: $text{ENOSPC}\.} ),
        1, '… and of its pages' )
        or diag $t->complaints('full');
    is( said( 'front', qr{cannot be written} ), 1, 'the responder has said it once' );
    is_deeply( [ damaged("$inside/state") ], [], 'the files are whole' );
    is_deeply(
        [
            grep { /^\.(?!\.?$)/ } names($inside), names("$inside/state"),
            names("$inside/state/public")
        ],
        [],
        'and nothing else is left'
    );
    unlink "$inside/fill" or die "$inside/fill: $!";
    my $prober = bless { t => $t, name => 'full', state => "$inside/state" }, 'Signpost::Prober';
    my $now    = time;
    ok( $prober->wait_for_health( sub { ( $_[0]{published} // 0 ) > $now } ),
        'with room, the prober writes again' );
    ok( $t->wait_for( sub { said( 'front', qr/The log can be written again/ ) } ),
        'and the responder' );
    is( $t->run( \@compile )->{status}, 0, 'and the database is written' );
    my ( $count, @torn ) = log_lines("$inside/log");
    is_deeply( \@torn, [], "all $count lines of the log are whole" );
    is( $t->stop($_), 0, "$_ ends as it should" ) for qw(front full);
};

$t->done;
