# SPDX-License-Identifier: Apache-2.0
#
# The `signpost` command: its subcommands, what they print, and their exit status:
# 0 when all is well, 1 for a finding, 2 for a call that makes no sense.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $program  = $t->program('signpost');
my $examples = $t->source('t/data/config/valid');
my $json     = JSON::PP->new->utf8;
my $has_json = $t->run( [ $program, '--version' ] )->{out} =~ /jansson/;
delete @ENV{
    grep { /^(?:UPSTREAM_REGISTRY_|SIGNATURE_UPSTREAM_|DEFAULT_AWS_|STATE_DIRECTORY$)/ }
        keys %ENV
};

my $conf = $t->file( 'signpost.conf', <<'EOT' );
name      = "registry.example.org";
prefix    = "team";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; place = "aws:eu-west-3"; };
              us = { url = "https://us.example.org:8443"; place = "aws:us-east-1"; }; };
canonical = [ "us" ];
buckets   = ( { name = "cdn"; url = "https://eu.example.org/{digest}"; serves = [ "DE" ]; } );
pages     = ( { path = "/privacy"; url = "https://www.example.org/privacy"; } );
rules     = (
  { match = "tags-list"; client = "FR"; to = [ "us" ]; },
  "default" );
EOT
my $hex    = '7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097';
my $digest = "sha256:$hex";

sub signpost { return $t->run( [ $program, @_ ] ) }

# Runs it with a file as its standard input.
sub signpost_reading {
    my ( $text, @arguments ) = @_;
    my $path = $t->file( 'input', $text );
    open my $input, '<', $path or die "$path: $!";
    return $t->run( [ $program, @arguments ], stdin => $input );
}

subtest 'the command itself' => sub {
    my $run = signpost();
    is( $run->{status}, 2, 'without a command' );
    like( $run->{err}, qr/^Usage: signpost COMMAND/, '  the usage is told' );
    for my $word ( '--help', 'help' ) {
        $run = signpost($word);
        is( $run->{status}, 0, $word );
        like(
            $run->{out},
            qr/^  check .*^  explain .*^  hosts .*^  options .*^  reload /ms,
            '  lists the commands'
        );
    }
    $run = signpost('--version');
    like( $run->{out}, qr/^signpost \d+\.\d+\.\d+, built with libfcgi, libconfig/, '--version' );
    $run = signpost('explian');
    is( $run->{status}, 2, 'an unknown command' );
    is(
        $run->{err},
        qq{signpost: there is no command "explian"; did you mean "explain"? }
            . qq{`signpost --help` lists them.\n},
        '  and the one that was meant'
    );
    like( signpost('xyzzy')->{err}, qr/no command "xyzzy"\. `signpost/, '  or none' );
};

my @commands = signpost('--help')->{out} =~ /^  (\w+) +\S/mg;
cmp_ok( scalar @commands, '>=', 7, 'there are commands' );

subtest 'what all commands have' => sub {
    for my $command (@commands) {
        my $run = signpost( $command, '--help' );
        is( $run->{status}, 0, "$command --help" );
        like( $run->{out}, qr/^Usage: signpost .*\b$command\b/s, '  tells how to call it' );
        is( $run->{err}, '', '  with nothing on stderr' );
        unlike( $run->{out} =~ s{/\S+/}{}gr, qr/.{100}/, '  in lines of less than 100 bytes' );
        $run = signpost( $command, '--no-such-option' );
        is( $run->{status}, 2, "$command with an unknown option" );
        like( $run->{err}, qr/no-such-option.*`signpost $command --help`/s, '  names it' );
        is( $run->{out}, '', '  with nothing on stdout' );
    }
};

subtest 'arguments that make no sense' => sub {
    my @calls = (
        [qw(check a b)],                      [qw(check --config a)],
        ['explain'],                          [qw(explain a b)],
        [qw(explain --batch a)],              [qw(explain --config)],
        [qw(explain --header nonsense /v2/)], [ 'explain', '--header', ': x', '/v2/' ],
        [qw(hosts a)],                        [qw(options a)],
        [qw(reload a)],
    );
    for my $call (@calls) {
        my $run = signpost(@$call);
        is( $run->{status}, 2, "@$call" );
        like( $run->{err}, qr/`signpost $call->[0] --help`/, '  tells where help is' );
    }
};

subtest 'a configuration that is refused' => sub {
    my $bad = $t->file( 'bad.conf', "name = 7;\n" );
    for my $call (
        [ 'check',   $bad ],
        [ 'hosts',   '--config', $bad ],
        [ 'explain', '--config', $bad, '/v2/' ],
        [ 'reload',  '--config', $bad ]
        )
    {
        my $run = signpost(@$call);
        is( $run->{status}, 1, $call->[0] );
        like( $run->{err}, qr/^\Q$bad\E:1: error: name: /, '  says why' );
        is( $run->{out}, '', '  with nothing on stdout' );
    }
};

# What is printed is a configuration, and means the same.
subtest 'check --print' => sub {
    for my $file ( glob("$examples/*.conf"), $conf, glob( $t->source('etc/*.conf') ) ) {
        next if $file =~ /lighttpd|nginx|apache|httpd/;
        my $name  = $file =~ s{.*/}{}r;
        my $first = signpost( 'check', '--print', $file );
        is( $first->{status}, 0, $name ) or diag $first->{err};
        my $again =
            signpost( 'check', '--print', $t->file( 'printed.conf', $first->{out} ) );
        is( $again->{status}, 0, '  what is printed has no mistakes' ) or diag $again->{err};
        s/  # .*:\d+$//mg for $first->{out}, $again->{out};    # where a rule stands
        is( $again->{out}, $first->{out}, '  and is printed as the same' );
    }
    like(
        signpost( 'check', '--print', $conf )->{out},
        qr/^  \{ match = \[ "tags-list" \]; .*  # \Q$conf\E:9$/m,
        'a rule has its line'
    );
};

# Nothing that can be set is left out of what is printed.
subtest 'check --print has every option' => sub {
    my @options = signpost( 'options', '--conf' )->{out} =~ /^#?(\w+) += /mg;
    my $printed = signpost( 'check',   '--print', "$examples/everything.conf" )->{out};
    my %folded  = ( prefix => 'each upstream has it' );
    like( $printed, qr/^$_ +=/m, $_ ) for grep { !$folded{$_} } @options;
};

subtest 'options' => sub {
    my $run = signpost( 'options', '--conf' );
    is( $run->{status}, 0, '--conf' );
    ok( $run->{out} eq $t->slurp( $t->source('etc/signpost.conf') ),
        '  is etc/signpost.conf, byte for byte' )
        or diag 'signpost options --conf > etc/signpost.conf';
    is( signpost( 'check', $t->file( 'all.conf', $run->{out} ) )->{status},
        0, '  is a configuration' );
    like( signpost('options')->{out}, qr/^  name \(needed\)\n      The public name/m, 'as text' );
    like( signpost( 'options', '--mdoc' )->{out}, qr/^\.It Ic name\b/m,               '--mdoc' );
    is( signpost( 'options', '--mdoc' )->{err}, '', '  is written' );
};

# Each option that etc/signpost.conf shows behind a '#' is right as it stands there.
subtest 'every option shown in signpost.conf' => sub {
    my $text   = $t->slurp( $t->source('etc/signpost.conf') );
    my %needed = (
        name      => 'name = "r";',
        upstreams => 'upstreams = { us = { url = "https://us"; }; eu = { url = "https://eu"; }; };',
        canonical => 'canonical = "us";',
    );
    my @shown;
    while ( $text =~ /^(#(\w+) = .*?;\n)(?=\n|\z)/msg ) {
        my ( $option, $name ) = ( $1, $2 );
        push @shown, $name;
        my $file = join "\n", $option =~ s/^#//mgr,
            map { $needed{$_} } grep { $_ ne $name } keys %needed;
        my $run = signpost( 'check', $t->file( 'shown.conf', $file ) );
        is( $run->{status}, 0, $name ) or diag $run->{err}, $file;
    }
    is_deeply( \@shown, [ signpost('options')->{out} =~ /^  (\w+)/mg ], 'all of them are shown' );
};

subtest 'hosts' => sub {
    my $run = signpost( 'hosts', '--config', $conf );
    is( $run->{status}, 0, 'exit status' );
    is(
        $run->{out},
        "eu.example.org\nus.example.org:8443\nwww.example.org\n",
        'one a line, sorted'
    );
    is( $run->{err}, '', 'and no more' );
SKIP: {
        skip 'built without jansson', 2 if !$has_json;
        $run = signpost( 'hosts', '--config', $conf, '--json' );
        is_deeply(
            $json->decode( $run->{out} ),
            [
                { host => 'eu.example.org', upstreams => ['eu'], buckets => ['cdn'], pages => [] },
                { host => 'us.example.org:8443', upstreams => ['us'], buckets => [], pages => [] },
                {
                    host      => 'www.example.org',
                    upstreams => [],
                    buckets   => [],
                    pages     => ['/privacy']
                },
            ],
            '--json'
        );
        is( $run->{status}, 0, '  exit status' );
    }
    is( scalar( split /\n/, signpost( 'hosts', '--config', "$examples/kubernetes.conf" )->{out} ),
        40, "Kubernetes' layout has 40 hosts" );
};

subtest 'explain' => sub {
    my $run =
        signpost( 'explain', '--config', $conf, '--region', 'FR', '/v2/a/tags/list?n=5&last=x' );
    is( $run->{status}, 0,  'a list of tags from France' );
    is( $run->{err},    '', '  with nothing on stderr' );
    like( $run->{out}, qr{^status +307$}m, '  status' );
    like( $run->{out}, qr{^location +https://us\.example\.org:8443/v2/team/a/tags/list\?last=x$}m,
        '  Location' );
    like( $run->{out}, qr{^class +tags-list, name "a", reference "list"$}m, '  class' );
    like(
        $run->{out},
        qr{^client +in country FR \(France\),.* from SIGNPOST_REGION "FR"$}m,
        '  the client, and what tells where it is'
    );
    like( $run->{out}, qr{^rule .* at \Q$conf\E:9$}m,  '  the rule and its line' );
    like( $run->{out}, qr{^targets +us = us: taken$}m, '  the target' );
    like(
        $run->{out},
        qr{^nearest +1\. eu: serves the client's continent, \d+ km$}m,
        '  the nearest'
    );
    like( $run->{out}, qr{^ +2\. us: by distance, \d+ km$}m, '  and the next' );

    $run = signpost( 'explain', '--config', $conf, '--header', 'X-Client-Region: DE',
        "/v2/a/blobs/$digest" );
    like( $run->{out}, qr{from the region header "DE"$}m, 'a region header' );
    like(
        $run->{out},
        qr{^targets +bucket\? = cdn: passed over: it is not known}m,
        'what was passed over, and why'
    );
    like(
        $run->{out},
        qr{^ +nearest = eu: taken, since nobody was asked .*unsure}m,
        'and what was taken'
    );

    my @others = (
        [ '/v2/',                  200, 'ping',    undef ],
        [ '/privacy',              307, 'page',    'https://www.example.org/privacy' ],
        [ '/v2/a/manifests/-',     404, 'other',   undef ],
        [ '/v2/a/referrers/x',     400, 'other',   undef ],
        [ 'https://h/v2/_catalog', 404, 'catalog', undef ],
    );
    for my $other (@others) {
        my ( $target, $status, $class, $location ) = @$other;
        $run = signpost( 'explain', '--config', $conf, $target );
        is( $run->{status}, 0, $target );
        like( $run->{out}, qr/^status +$status\b/m,        "  status $status" );
        like( $run->{out}, qr/^class +$class\b/m,          "  class $class" );
        like( $run->{out}, qr/^location +\Q$location\E$/m, '  Location' ) if $location;
        unlike( $run->{out}, qr/^(?:client|rule|targets|nearest)/m, '  no rule' );
    }
    like( signpost( 'explain', '--config', $conf, '--method', 'PUT', '/v2/' )->{out},
        qr/^status +405 Method Not Allowed: UNSUPPORTED/m, '--method' );
};

subtest 'explain --json' => sub {
    plan skip_all => 'built without jansson' if !$has_json;
    my $run = signpost( 'explain', '--config', $conf, '--json', '--region', 'FR',
        "/v2/a/referrers/$digest?artifactType=x%2Fy" );
    is( $run->{status}, 0, 'exit status' );
    my $got = $json->decode( $run->{out} );
    is( $got->{status},    307,         'status' );
    is( $got->{class},     'signature', 'class' );
    is( $got->{name},      'a',         'name' );
    is( $got->{reference}, $digest,     'reference' );
    is( $got->{location},
        "https://us.example.org:8443/v2/team/a/referrers/$digest?artifactType=x%2Fy", 'Location' );
    is( $got->{target},               'us',              'target' );
    is( $got->{rule}{file},           'built-in rules',  'the rule' );
    is( $got->{client}{country},      'FR',              'the client' );
    is( $got->{client}{from},         'SIGNPOST_REGION', 'what tells so' );
    is( $got->{targets}[0]{word},     'canonical',       'the word of the rule' );
    is( $got->{nearest}[0]{upstream}, 'eu',              'the nearest upstream' );
    $got = $json->decode( signpost( 'explain', '--config', $conf, '--json', '/v2/x' )->{out} );
    is( $got->{status}, 404,           'an error' );
    is( $got->{error},  'UNSUPPORTED', '  its code' );
    ok( !exists $got->{rule} && !defined $got->{location}, '  leads nowhere' );
};

subtest 'explain --batch' => sub {
    plan skip_all => 'built without jansson' if !$has_json;
    my @requests = (
        { target => '/v2/a/manifests/v1' },
        { target => '/v2/a/manifests/v1', region  => 'FR' },
        { target => '/v2/a/manifests/v1', headers => { 'X-Client-Region' => 'FR' } },
        { target => '/v2/a/manifests/v1', headers => { 'x-client-region' => 'FR' }, ip => '::1' },
        { target => '/v2/',               method  => 'HEAD' },
        { target => '/v2/',               method  => 'DELETE' },
        { target => "/v2/\x{e9}",         unknown => 1 },
    );
    my $run = signpost_reading( join( '', map { $json->encode($_) . "\n" } @requests ),
        'explain', '--config', $conf, '--batch' );
    is( $run->{status}, 0, 'exit status' );
    my @got = map { $json->decode($_) } split /\n/, $run->{out};
    is_deeply(
        [ map { ( $_->{location} // $_->{status} ) =~ s{^https://(\w+)\..*}{$1}r } @got ],
        [qw(us eu eu eu 200 405 404)],
        'a decision a line, in order'
    );
    for my $line (
        'nonsense', '{}', '[]',
        '{"target": 5}',
        '{"target": "/", "headers": {"X": 1}}',
        '{"target": "/", "headers": []}',
        '', '{"target": "/\u0000"}'
        )
    {
        $run = signpost_reading( qq({"target": "/v2/"}\n$line\n{"target": "/v2/"}\n),
            'explain', '--config', $conf, '--batch' );
        is( $run->{status}, 1, "not a request: $line" );
        like( $run->{err}, qr/\bline 2 is no request\b/, '  and its line' );
        is( () = $run->{out} =~ /\n/g, 1, '  what stands before it is answered' );
    }
    $run = signpost_reading( '', 'explain', '--config', $conf, '--batch' );
    is( $run->{status}, 0, 'no requests' );
};

subtest 'places' => sub {
    my $run = signpost( 'places', 'paris' );
    is( $run->{status}, 0, 'a word that is known' );
    like( $run->{out}, qr/^aws:eu-west-3\tParis\tFR\tEU\t/m, '  what it means' );
    is( signpost( 'places', 'no such place' )->{status}, 1, 'one that is not' );
    like( signpost( 'places', '--config', "$examples/everything.conf", 'berlin' )->{out},
        qr/^onprem:berlin\t/m, 'places of a configuration' );
};

$t->done;
