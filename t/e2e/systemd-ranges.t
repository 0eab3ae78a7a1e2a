# SPDX-License-Identifier: Apache-2.0
#
# What systemd does for signpost from time to time, with systemd as PID 1: the timer and the
# service that get address ranges, from a local server; and logrotate. Neither acts as root
# where an unprivileged user can write.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::FastCGI qw(request variables);
use Signpost::Stub;
use Signpost::Systemd;
use Signpost::Test;
use Test::More;

Signpost::Systemd::enter();
my $t    = Signpost::Test->new;
my $host = Signpost::Systemd->boot($t);
$host->install;

my $ranges = '/var/lib/signpost-ranges';
my $web    = Signpost::Stub->new( $t, 'publishers' );
my %file   = (
    aws    => $t->slurp( $t->source('t/data/ranges/aws.json') ),
    google => $t->slurp( $t->source('t/data/ranges/google.json') ),
    rir    => $t->slurp( $t->source('t/data/ranges/delegated-sample') )
);

# The publishers, and two registries. What is told takes the place of some of it.
sub publish {
    my %other = @_;
    my %all   = map { ( "/$_" => [ [ 200, {}, $file{$_} ] ] ) } sort keys %file;
    my $ping  = [ [ 200, { 'Docker-Distribution-Api-Version' => 'registry/2.0' } ] ];
    return $web->serve( '/us/v2/' => $ping, '/eu/v2/' => $ping, %all, %other );
}
publish();
my ( $us, $eu ) = map { $web->url . "/$_" } qw(us eu);

# How many lists have been asked for.
sub asked {
    return scalar grep { $_->[0] =~ m{/(?:aws|google|rir)$} } $web->requests;
}

# Two lists of clouds, one of countries, and no other.
my %at = (
    clouds =>
        { aws => 'aws', google => 'google', map { $_ => '' } qw(azure oracle digitalocean linode) },
    country => { ripencc => 'rir', map { $_ => '' } qw(afrinic apnic arin lacnic) }
);
my @sources;
for my $set ( sort keys %at ) {
    for my $name ( sort keys %{ $at{$set} } ) {
        my $path = $at{$set}{$name};
        my $url  = length $path ? $web->url . "/$path" : '';
        push @sources, qq({ set = "$set"; name = "$name"; url = "$url"; });
    }
}
my $sources = join ",\n    ", @sources;
my $conf    = <<"EOT";
name      = "registry.example.org";
upstreams = { us = { url = "$us"; }; eu = { url = "$eu"; serves = [ "EU" ]; }; };
canonical = [ "us" ];
databases = [ "$ranges/clouds.mmdb", "$ranges/country.mmdb" ];
sources   = ( $sources );
log       = "all";
log_to    = "/var/log/signpost/access.log";
EOT

sub owner { return join ':', split ' ', $host->ok_run( qw(stat -c), '%U %a', $_[0] ) }

# Where a client with this address is sent.
sub goes {
    my ($address) = @_;
    my $client = Signpost::FastCGI->new( $host->path('/run/signpost.sock') );
    $client->send( request( variables( '/v2/app/manifests/v1', REMOTE_ADDR => $address ) ) );
    return ( $client->answer || {} )->{location} // 'nowhere';
}

subtest 'the service makes the databases' => sub {

    # The configuration is for those alone who need it.
    $host->write( '/etc/signpost.conf', $conf, 0640 );
    $host->ok_run(qw(chgrp www-data /etc/signpost.conf));
    my $run = $host->systemctl(qw(start signpost-ranges));
    is( $run->{status}, 0, 'it succeeds' ) or diag $host->journal('signpost-ranges');
    for my $name (qw(clouds country)) {
        is( owner("$ranges/$name.mmdb"),
            'signpost-ranges:644', "$name.mmdb is not root's, and for all to read" );
    }
    is( owner($ranges), 'signpost-ranges:755', '… in a folder that all may look into' );
    cmp_ok( asked(), '>', 0, 'the local server was asked' );
    is( $host->journal('signpost-ranges') =~ /denied|not permitted|error/i ? $& : '',
        '', 'the sandbox is not in its way' );
    $host->ok_run(qw(systemctl start signpost.socket));
    like( goes('192.0.2.1'), qr{^\Q$eu\E/},
        'the responder reads them: a French address goes to "eu"' );
};

subtest 'what a former version has made as root' => sub {
    $host->ok_run( 'rm',                  '-rf',   $ranges );
    $host->ok_run( qw(install -d -m 755), $ranges, "$ranges/clouds.mmdb.sources" );
    $host->ok_run( 'sh', '-c',
              "cd $ranges && /usr/local/bin/signpost ranges -q --download clouds && "
            . '/usr/local/bin/signpost ranges -q --download country' );
    is( owner("$ranges/clouds.mmdb"), 'root:644', 'it is there' );
    my $before = $host->ok_run( qw(stat -c %i), "$ranges/country.mmdb" );
    ( my $moved = $file{rir} ) =~ s/\|FR\|ipv4/|GB|ipv4/g;
    publish( '/rir' => [ [ 200, {}, $moved ] ] );
    my $run = $host->systemctl(qw(start signpost-ranges));
    is( $run->{status}, 0, 'the service takes it over' ) or diag $host->journal('signpost-ranges');
    my @others = grep { !/^signpost-ranges / } split /^/,
        $host->ok_run( 'find', $ranges, '-printf', '%u %p\n' );
    is_deeply( \@others, [], '… all of it' );
    isnt( $host->ok_run( qw(stat -c %i), "$ranges/country.mmdb" ), $before, '… and renews it' );

    # Root, who gets a list by hand, does not stand in its way.
    $host->ok_run( 'sh', '-c',
        "cd $ranges && /usr/local/bin/signpost ranges -q --download country" );
    publish();
    is( $host->systemctl(qw(start signpost-ranges))->{status}, 0, 'nor does root, by hand' )
        or diag $host->journal('signpost-ranges');
};

subtest 'a publisher is down' => sub {
    publish( '/aws' => [ [503] ] );
    my $run = $host->systemctl(qw(start signpost-ranges));
    isnt( $run->{status}, 0, 'the unit counts as failed' );
    like(
        $host->journal('signpost-ranges'),
        qr/^aws: .*the server answered 503/m,
        '… with its reason'
    );
    like( goes('192.0.2.1'), qr{^\Q$eu\E/}, 'the databases serve on' );
};

subtest 'a configuration that the service may not read' => sub {
    $host->ok_run(qw(chmod 600 /etc/signpost.conf));
    my $asked = asked();
    my $run   = $host->systemctl(qw(start signpost-ranges));
    isnt( $run->{status}, 0, 'is a failure' );
    like(
        $host->journal('signpost-ranges'),
        qr{^/etc/signpost\.conf: error: the configuration cannot be read: Permission denied\.$}m,
        '… that says so'
    );
    is( asked(), $asked, 'nobody else is asked in its place' );
    $host->ok_run(qw(chmod 640 /etc/signpost.conf));
};

subtest 'the timer' => sub {
    $host->ok_run(qw(systemctl enable --now signpost-ranges.timer));
    my $next = $host->property( 'signpost-ranges.timer', 'NextElapseUSecRealtime' );
    like( $next, qr/\d\d:\d\d:\d\d/, "it runs next at $next" );

    # The same unit, by a timer of a second.
    publish();
    my $drop_in = '/etc/systemd/system/signpost-ranges.timer.d/soon.conf';
    $host->ok_run( qw(mkdir -p), $drop_in =~ s{/soon.conf$}{}r );
    $host->write( $drop_in, <<'EOT' );
[Timer]
OnCalendar=
OnCalendar=*:*:*
RandomizedDelaySec=0
AccuracySec=100ms
EOT
    $host->ok_run(qw(systemctl daemon-reload));
    $host->ok_run(qw(systemctl reset-failed signpost-ranges.service));
    $host->ok_run(qw(systemctl restart signpost-ranges.timer));
    ok( $t->wait_for( sub { asked() >= 3 }, 15 ), 'it starts the service' );
    $host->ok_run(qw(systemctl stop signpost-ranges.timer));
    $host->wait_for_unit( 'signpost-ranges.service', 'inactive' );
};

subtest 'logrotate' => sub {
    my $log    = '/var/log/signpost/access.log';
    my $lines  = sub { scalar( () = $host->read( $_[0] ) =~ /^/mg ) };
    my $rotate = sub {
        my $run = $host->run( [qw(logrotate --force /etc/logrotate.d/signpost)] );
        is( $run->{err}, '', "$_[0]: logrotate has nothing to say" );
        return $run;
    };
    goes('192.0.2.1') for 1 .. 3;
    ok( $t->wait_for( sub { $lines->($log) >= 3 } ), 'there is a log' );
    is( $rotate->('once')->{status}, 0, 'it is rotated' );
    ok( $t->wait_for( sub { -e $host->path($log) } ), 'the responder opens a new one' );
    my $old = $lines->("$log.1");
    goes('192.0.2.1') for 1 .. 2;
    ok( $t->wait_for( sub { $lines->($log) == 2 } ), '… and writes to that' );
    is( $lines->("$log.1"), $old, '… and not to the old one' );
    $rotate->('again');
    ok( -e $host->path("$log.2.gz"), 'the one before is compressed' );
    is( owner("$log.2.gz"), 'signpost:640', '… and the service\'s' );

    # In a folder where only root can write, nothing can be done: that is the proof.
    ok( $t->wait_for( sub { -e $host->path($log) } ), 'a new log is there' );
    goes('192.0.2.1');
    ok( $t->wait_for( sub { $lines->($log) } ), '… with a line' );
    $host->ok_run(qw(chown root:root /var/log/signpost));
    my $run = $host->run( [qw(logrotate --force /etc/logrotate.d/signpost)] );
    isnt( $run->{status}, 0, 'logrotate does not act as root there' );
    like( $run->{err}, qr/Permission denied/, '… but as the service\'s user' );
};

$t->done;
