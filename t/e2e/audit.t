# SPDX-License-Identifier: Apache-2.0
#
# signpost audit: four real registries with seeded gaps, of which each is found and
# none invented; the printed commands close them; stopped and resumed; registries that
# put clients off.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP           ();
use Signpost::Registry qw(image index_of artifact key_pair signature signature_tag digest_of);
use Signpost::Relay;
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new->need(qw(docker-registry openssl referrers-registry));
my $signpost = $t->program('signpost');
my $json     = JSON::PP->new->canonical->utf8;
my $key      = key_pair( $t, 'ours' );

# us and ap have the referrers API, eu and sa have not.
my %at = (
    us => Signpost::Registry->start_with_referrers( $t, 'us' ),
    eu => Signpost::Registry->start( $t, 'eu' ),
    ap => Signpost::Registry->start_with_referrers( $t, 'ap' ),
    sa => Signpost::Registry->start( $t, 'sa' ),
);

my $conf = $t->file( 'signpost.conf', <<"EOT" );
name      = "registry.example.org";
prefix    = "mirror";
upstreams = { eu = { url = "${\ $at{eu}->url }"; };
              us = { url = "${\ $at{us}->url }"; };
              ap = { url = "${\ $at{ap}->url }"; };
              sa = { url = "${\ $at{sa}->url }"; }; };
canonical = [ "us" ];
state     = "${\ $t->folder }";
prober    = "off";
EOT

sub audit {
    my (@arguments) = @_;
    return $t->run( [ $signpost, 'audit', '--config', $conf, @arguments ] );
}

# What an audit finds, a line each: "missing signature team/app TAG eu ap".
sub findings {
    my ($run) = @_;
    my $report = eval { $json->decode( $run->{out} ) } or return "no JSON: $run->{out} $run->{err}";
    return [
        sort map {
            my $at = $_->{at} // [];
            join ' ', grep { defined } @$_{qw(finding kind repository)}, $_->{tag} // $_->{digest},
                ref $at eq 'HASH'
                ? map { "$_=$at->{$_}" } sort keys %$at
                : @$at
        } @{ $report->{findings} }
    ];
}

# ---- what there is ----

sub tag { return $_[0]{digest} =~ s/:/-/r . $_[1] }

sub push_to {
    my ( $where, $name, $thing, $tag ) = @_;
    $at{$_}->push( "mirror/$name", $thing, $tag ) for split / /, $where;
    return $thing;
}

# A manifest that refers to another.
sub referrer {
    my ( $to, $text ) = @_;
    my $thing    = artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/plain', $text ] );
    my $manifest = $json->decode( $thing->{bytes} );
    $manifest->{subject} =
        { mediaType => $to->{type}, digest => $to->{digest}, size => length $to->{bytes} };
    $manifest->{artifactType} = 'text/plain';
    $thing->{bytes}           = $json->encode($manifest);
    $thing->{digest}          = digest_of( $thing->{bytes} );
    return $thing;
}

my $all       = 'us eu ap sa';
my @platforms = map { image( { architecture => $_ }, 'a' => $_ ) } qw(amd64 arm64);
my %image     = (
    whole    => index_of(@platforms),
    unsigned => image( a => 'unsigned' ),
    lacking  => image( a => 'lacking' ),
    moved    => image( a => 'moved' ),
    old      => image( a => 'before it moved' ),
);
push_to( $all,    'team/app', $image{whole},    'v1' );
push_to( $all,    'team/app', $image{whole},    'latest' );
push_to( $all,    'team/app', $image{unsigned}, 'unsigned' );
push_to( 'eu ap', 'team/app', $image{lacking},  'v2' );
push_to( 'us ap', 'team/app', $image{moved},    'moving' );
push_to( 'eu sa', 'team/app', $image{old},      'moving' );

sub signed { return signature( $t, $key, $_[0], $_[1] // 'app' ) }

# Signatures: everywhere; nowhere but at us; missing at us.
push_to( $all,    'team/app', signed( $image{whole} ),   signature_tag( $image{whole} ) );
push_to( 'us',    'team/app', signed( $platforms[0] ),   signature_tag( $platforms[0] ) );
push_to( 'sa',    'team/app', signed( $platforms[1] ),   signature_tag( $platforms[1] ) );
push_to( 'eu ap', 'team/app', signed( $image{lacking} ), signature_tag( $image{lacking} ) );
push_to( 'us ap', 'team/app', signed( $image{moved} ),   signature_tag( $image{moved} ) );

# Under a prefix, attestations and SBOMs.
my %other =
    map { $_ => artifact( 'application/vnd.oci.image.config.v1+json', '{}', [ 'text/plain', $_ ] ) }
    qw(att sbom);
push_to(
    'eu', 'team/app',
    signed( $image{whole}, 'prefixed' ),
    'release-' . signature_tag( $image{whole} )
);
push_to( 'ap sa', 'team/app', $other{att},  tag( $image{whole}, '.att' ) );
push_to( $all,    'team/app', $other{sbom}, tag( $image{whole}, '.sbom' ) );

# A second signature beside the first, as cosign writes it; eu has not seen it yet.
# At ap there is one that us has never had.
sub together {
    my @things = @_;
    my @layers = map { @{ $json->decode( $_->{bytes} )->{layers} } } @things;
    my $thing  = { %{ $things[0] }, blobs => [ map { @{ $_->{blobs} } } @things ] };
    $thing->{bytes} =
        $json->encode( { %{ $json->decode( $thing->{bytes} ) }, layers => \@layers } );
    $thing->{digest} = digest_of( $thing->{bytes} );
    return $thing;
}
my %twice = map { $_ => image( a => "twice $_" ) } qw(contained apart);
my @by    = map {
    my $what = $_;
    [ map { signed( $twice{$what}, "by $_" ) } 1 .. 3 ]
} qw(contained apart);
push_to( $all, 'team/twice', $twice{$_}, $_ ) for sort keys %twice;
push_to(
    'us sa', 'team/twice',
    together( @{ $by[0] }[ 0, 1 ] ),
    signature_tag( $twice{contained} )
);
push_to( 'eu ap', 'team/twice', $by[0][0], signature_tag( $twice{contained} ) );
my $ours = push_to(
    'us eu sa', 'team/twice',
    together( @{ $by[1] }[ 0, 1 ] ),
    signature_tag( $twice{apart} )
);
my $theirs =
    push_to( 'ap', 'team/twice', together( @{ $by[1] }[ 0, 2 ] ), signature_tag( $twice{apart} ) );

# Referrers, by the API or under the fallback tag, of images and of each other.
my %refers = ( everywhere => referrer( $image{whole}, 'everywhere' ) );
$refers{lacking}  = referrer( $image{whole},    'us has it not' );
$refers{fallback} = referrer( $platforms[0],    'eu has it by a tag alone' );
$refers{deep}     = referrer( $refers{lacking}, 'of a referrer' );
$refers{ours}     = referrer( $image{whole},    'us has it alone' );
push_to( 'us ap', 'team/app', $refers{everywhere} );
push_to( 'us',    'team/app', $refers{ours} );
push_to( 'ap',    'team/app', $refers{$_} ) for qw(lacking deep);

for my $fallback ( [ $image{whole}, 'everywhere' ], [ $platforms[0], 'fallback' ] ) {
    my ( $to, $what ) = @$fallback;
    next if $what eq 'never';
    push_to( 'eu', 'team/app', index_of( { %{ $refers{$what} }, platform => {} } ),
        tag( $to, '' ) );
}
push_to( 'sa', 'team/app', $image{whole}, tag( $image{whole}, '' ) );    # as `cosign copy` does

push_to( 'sa', 'only/sa', image( a => 'only' ), 'v1' );

my %digest = map { $_ => $image{$_}{digest} } keys %image;
my $apart  = signature_tag( $twice{apart} );
my @app    = (
    "missing image team/app v2 eu ap",
    "missing signature team/app ${\ signature_tag( $image{lacking} ) } eu ap",
    "missing signature team/app ${\ signature_tag( $platforms[1] ) } sa",
    "missing signature team/app release-${\ signature_tag( $image{whole} ) } eu",
    "missing attestation team/app ${\ tag( $image{whole}, '.att' ) } ap sa",
    "missing referrer team/app $refers{lacking}{digest} ap",
    "missing referrer team/app $refers{deep}{digest} ap",
    "missing referrer team/app $refers{fallback}{digest} eu",
    "differs image team/app moving ap=$digest{moved} eu=$digest{old} sa=$digest{old} us=$digest{moved}",
    "unsigned image team/app moving eu sa",
    "unsigned image team/app unsigned us eu ap sa",
);
my @twice =
    (     "differs signature team/twice $apart ap=$theirs->{digest} eu=$ours->{digest} "
        . "sa=$ours->{digest} us=$ours->{digest}" );
my @only = ( 'missing image only/sa v1 sa', 'unsigned image only/sa v1 sa' );

subtest 'gaps' => sub {
    my $run = audit( '--json', 'team/app', 'registry.example.org/team/twice' );
    is( $run->{status}, 1, 'something is to be copied' ) or diag $run->{err};
    is_deeply( findings($run), [ sort @app, @twice ], 'each gap is found, and none invented' );
    my $report = $json->decode( $run->{out} );
    is_deeply(
        $report->{only_at_canonical},
        { image => 0, signature => 1, attestation => 0, SBOM => 0, referrer => 1 },
        'what is at the canonical registry alone is counted'
    );
    is( $report->{contained}, 1, 'an older state of a signature tag is no finding' );
    is_deeply( [ map { $_->{name} } @{ $report->{registries} } ],
        [qw(us eu ap sa)], 'the canonical registry is the first' );
    is_deeply(
        $report->{registries}[0]{has},
        { image => 6, signature => 5, attestation => 0, SBOM => 1, referrer => 2 },
        'what it has is counted'
    );
    my $sum = 0;
    $sum += $_->{requests} for @{ $report->{registries} };
    is( $report->{requests},                       $sum,              'so are the requests' );
    is( $report->{replication}{requests_per_pass}, ( 5 + 1 + 2 ) * 3, 'and those of replication' );
    is( $report->{may_switch_off},                 JSON::PP::false,   'it is too early' );
};

subtest 'the catalogs' => sub {
    my $run = audit('--json');
    is_deeply( findings($run), [ sort @app, @twice, @only ],
        'without names, what any of them has' );
    my $list =
        $t->file( 'repositories', "# some\n\n only/sa # this\nregistry.example.org/team/app\n" );
    $run = audit( '--json', '--repositories', $list );
    is_deeply( findings($run), [ sort @app, @only ], 'from a file' );
    $run = audit( '--json', 'no-such/app' );
    is( $run->{status}, 1, 'a repository that is nowhere' );
    is_deeply(
        [ map { "$_->{finding} $_->{repository}" } @{ $json->decode( $run->{out} )->{findings} } ],
        ['nowhere no-such/app'],
        'is no proof of anything'
    );
};

subtest 'for people and for tables' => sub {
    my $run = audit( 'team/app', 'team/twice' );
    my $v2  = "cosign copy --allow-http-registry 127.0.0.1:${\ $at{eu}->port }/mirror/team/app:v2 "
        . "127.0.0.1:${\ $at{us}->port }/mirror/team/app:v2";
    like(
        $run->{out},
        qr/^  image        team\/app:v2  \(eu, ap\)\n    \Q$v2\E$/m,
        'the text has the command for what is missing'
    );
    like( $run->{out}, qr/^us \(canonical\) +6 +5 +0 +1 +2 +\d+$/m, 'and the numbers' );
    like(
        $run->{out},
        qr/^Only at us, which is fine: 0 images, 1 signature, .* 1 referrer\.$/m,
        'what is at us alone'
    );
    like(
        $run->{out},
        qr/^Do not switch replication off yet: 8 missing, 2 different, 0 unread, 0 nowhere\.$/m,
        'and the answer'
    );
    is( $run->{err}, '', 'no progress is shown where there is no terminal' );
    my @lines = split /\n/, audit( '--csv', 'team/twice' )->{out};
    is(
        $lines[0],
        'finding,repository,kind,tag,digest,subject,registries,command or reason',
        'CSV has a heading'
    );
    is(
        $lines[1],
        "differs,team/twice,signature,$apart,$ours->{digest},$twice{apart}{digest},"
            . "us=$ours->{digest};eu=$ours->{digest};ap=$theirs->{digest};sa=$ours->{digest},",
        'and a line for each finding'
    );
    is( @lines, 2, 'no more' );
};

sub mistake {
    my ( $status, $says, @arguments ) = @_;
    my $run = audit(@arguments);
    is( $run->{status}, $status, "audit @arguments" );
    like( $run->{err}, $says, 'with a sentence' );
    is( $run->{out}, '', 'and no report' );
    return;
}

subtest 'mistakes' => sub {
    mistake( 2, qr/that is no option/,                      '--such' );
    mistake( 2, qr/--parallel takes a number from 1 to 64/, '--parallel', '0' );
    mistake( 1, qr/"team\/app:v1" is no repository: write a name without a tag/, 'team/app:v1' );
    mistake( 1, qr/no-such-file cannot be read: No such file/,
        '--repositories', $t->folder . '/no-such-file' );
    my $list = $t->file( 'bad', "team/app\nTeam\n" );
    mistake( 1, qr/bad:2: "Team" is no repository/, '--repositories', $list );
    mistake( 1, qr/There is no repository to look at/,
        '--repositories', $t->file( 'empty', "#\n" ) );
    my $alone = $t->file( 'alone.conf', <<"EOT" );
name = "registry.example.org"; upstreams = { us = { url = "${\ $at{us}->url }"; }; }; canonical = [ "us" ];
EOT
    my $run = $t->run( [ $signpost, 'audit', '--config', $alone, 'team/app' ] );
    like(
        $run->{err},
        qr/no upstream beside the canonical one: there is nothing to compare/,
        'one registry alone'
    );
};

subtest 'the index' => sub {
    my @files = map { $t->folder . "/$_.index" } qw(audited added);
    my $run   = audit( '--index', $files[0], 'team/app', 'team/twice' );
    like( $run->{err}, qr/^signpost audit: \Q$files[0]\E: (\d+) lines added, \1 in all\.$/,
        'is written' );
    my @images = (
        map( { "team/app:$_" } qw(v1 latest unsigned moving) ),
        map { "team/twice:$_" } sort keys %twice
    );
    my $add =
        $t->run( [ $signpost, 'index', 'add', '--config', $conf, '--index', $files[1], @images ] );
    is( $add->{status},         0, 'index add reads the same' ) or diag $add->{err};
    is( $t->slurp( $files[0] ), $t->slurp( $files[1] ), 'and writes the same' );
    like( $t->slurp( $files[0] ), qr{^\Q$refers{ours}{digest}\E team/app$}m, 'of which one is a referrer' );
    my $foreign = $t->file( 'foreign.index', "no digest\n" );
    $run = audit( '--index', $foreign, 'team/app' );
    is( $run->{status}, 1,  'what is no index is found out' );
    is( $run->{out},    '', '  before anything is read' );
    like( $run->{err}, qr/foreign\.index:1: /, '  with the line' );
    is( audit(qw(--json --csv team/app))->{status}, 2, 'JSON or CSV' );
};

# ---- stops, and registries that put us off ----

# Two registries, behind relays; every third repository lacks something at us.
my %relay = map { $_ => Signpost::Relay->new( $t, "relay-$_", $at{$_} ) } qw(us sa);
my @names = map { sprintf 'many/%02d', $_ } 1 .. 30;
for my $name (@names) {
    my $image = push_to( 'us sa', $name, image( a => 'many' ), 'v1' );
    push_to( 'sa', $name, image( a => "more $name" ), 'v2' ) if $name =~ /[147]$/;
}
my @many = sort map {
    (
        "unsigned image $_ v1 us sa",
        /[147]$/ ? ( "missing image $_ v2 sa", "unsigned image $_ v2 sa" ) : ()
    )
} @names;
my $relayed = $t->file( 'relayed.conf', <<"EOT" );
name      = "registry.example.org";
prefix    = "mirror";
upstreams = { us = { url = "${\ $relay{us}->url }"; }; sa = { url = "${\ $relay{sa}->url }"; }; };
canonical = [ "us" ];
state     = "${\ $t->folder }";
prober    = "off";
EOT
my @relayed = ( $signpost, 'audit', '--config', $relayed, '--json' );
my $resume  = $t->folder . '/resume';

# The repositories whose tags have been listed at a relay since it was started.
sub listed {
    return sort map { m{^GET /v2/mirror/(\S+)/tags/list 200$} } $_[0]->requests;
}

# The repositories that are in the file.
sub recorded {
    my @names = sort $t->slurp($resume) =~ /"repository":"([^"]+)"/g;
    return @names;
}

# Starts an audit, and stops it by this signal when it is in the middle.
sub interrupted {
    my ( $name, $signal ) = @_;
    $relay{sa}->start;
    $relay{us}->start( delay => 0.02 );
    $t->start( $name, [ @relayed, '--resume', $resume, @names ] );
    ok( $t->wait_for( sub { my @names = recorded(); @names > 5 } ),
        "it is in the middle when SIG$signal comes" );
    $t->signal( $name, $signal );
    my $status = $t->wait_end( $name, 5 );
    $t->stop($name);
    my @recorded = recorded();
    cmp_ok( scalar @recorded, '<', @names, 'not all has been read' );
    return ( $status, @recorded );
}

# Goes on, and finds what it would have found.
sub goes_on {
    my (@recorded) = @_;
    $relay{$_}->start for qw(us sa);
    my $run = $t->run( [ @relayed, '--resume', $resume, @names ] );
    is_deeply( findings($run), \@many, 'the same is found in the end' ) or diag $run->{err};
    my %recorded = map  { $_ => 1 } @recorded;
    my @rest     = grep { !$recorded{$_} } @names;
    is_deeply( [ listed( $relay{$_} ) ], \@rest, "$_ is asked for the rest only" ) for qw(us sa);
    ok( !-e $resume, 'the file is gone' );
    return;
}

subtest 'interrupted' => sub {
    my ( $status, @recorded ) = interrupted( 'sigint', 'INT' );
    is( $status >> 8,            130, 'it ends by itself' );
    is( $t->slurp('sigint.out'), '',  'without half a report' );
    is(
        $t->slurp('sigint.err'),
        'signpost audit: It was stopped after '
            . @recorded
            . " of 30 repositories; the same command goes on there.\n",
        'and says how to go on'
    );
    goes_on(@recorded);
};

subtest 'killed' => sub {
    my ( $status, @recorded ) = interrupted( 'sigkill', 'KILL' );
    is( $status, 9, 'it had no time for anything' );
    $t->file( $resume, $t->slurp($resume) . '{"repository":"many/99","registr' );
    goes_on(@recorded);
};

subtest 'half of the answers are 429' => sub {
    $_->start( half => 1 ) for values %relay;
    my $run = $t->run( [ @relayed, @names ] );
    is_deeply( findings($run), \@many, 'the same is found' ) or diag $run->{err};
    for my $name (qw(us sa)) {
        my @all = $relay{$name}->requests;
        my $off = grep { / 429$/ } @all;
        cmp_ok( $off, '>', @all / 3, "$name has put us off $off of " . @all . ' times' );
    }
};

subtest 'Retry-After' => sub {
    $relay{sa}->start;
    $relay{us}->start( closed => [ 9, 1 ], delay => 0.01 );
    my $run = $t->run( [ @relayed, @names ] );
    is_deeply( findings($run),       \@many, 'the same is found' ) or diag $run->{err};
    is_deeply( [ $relay{us}->rude ], [],     'nobody asks before it is time' );
    $relay{us}->start( closed => [ 1, 700 ] );
    $run = $t->run( [ @relayed, 'many/01' ] );
    is( $run->{status}, 1, 'eleven minutes are not waited for' );
    like( $run->{out}, qr/"finding":"unread".*answers 429, it asks us to come back later/,
        'but told of' );
    is( scalar $relay{us}->requests, 1, 'after one request' );
    $relay{us}->start( always => 1 );
    $run = $t->run( [ @relayed, '--parallel', '1', 'many/01' ] );
    like( $run->{out}, qr/"finding":"unread"/, 'nor is it asked for ever' );
    is( scalar $relay{us}->requests, 40, 'but often' );
};

subtest 'a registry that is down' => sub {
    $relay{us}->start;
    $t->stop('relay-sa');
    my $run = $t->run( [ @relayed, '--resume', $resume, 'many/01', 'many/02' ] );
    is( $run->{status}, 1, 'nothing is proven' );
    is_deeply(
        [
            map  { "$_->{finding} $_->{repository} @{ $_->{at} }" }
            grep { $_->{finding} ne 'unsigned' } @{ $json->decode( $run->{out} )->{findings} }
        ],
        [ 'unread many/01 sa', 'unread many/02 sa' ],
        'it is told of, and what it may have is not'
    );
    is( $json->decode( $run->{out} )->{only_at_canonical}{image}, 0, 'nor what it may lack' );
    like(
        audit( '--config', $relayed, 'many/02' )->{out},
        qr/^  many\/02 at sa: \S+ cannot be read: /m,
        'for people, too'
    );
    ok( -e $resume, 'the file stays' );
    $relay{sa}->start;
    $run = $t->run( [ @relayed, '--resume', $resume, 'many/01', 'many/02' ] );
    is_deeply(
        findings($run),
        [ grep { m{many/0[12] } } @many ],
        'when it is back, the same command goes on'
    );
};

subtest 'files that are no help' => sub {
    my @use = ( '--config', $relayed, '--resume', $resume );
    my $bad = sub {
        my ( $text, $says, @more ) = @_;
        $t->file( $resume, $text );
        mistake( 1, $says, @use, @more, 'many/01' );
        is( $t->slurp($resume), $text, 'it stays as it is' );
        return;
    };
    $bad->( "dear diary\n", qr/resume is no file of `signpost audit`: name another one/ );
    $bad->( "{\"a\":1}\n",  qr/resume is no file of `signpost audit`/ );
    $bad->( "{\"signpost-audit\":99}\n", qr/was written by another version of signpost/ );
    $bad->(
        "{\"signpost-audit\":1,\"registries\":[],\"contents\":false}\n",
        qr/is of an audit of other registries, or with another --index/
    );
    unlink $resume;
    mistake( 1, qr/cannot be opened/, '--resume', $t->folder . '/no/such/folder', 'many/01' );
    $relay{us}->start( delay => 0.05 );
    $t->start( 'first', [ @relayed, '--resume', $resume, @names ] );
    ok( $t->wait_for( sub { recorded() } ), 'while an audit runs' );
    mistake( 1, qr/resume is in use by process \d+/, @use, 'many/01' );
    $t->stop( 'first', 'TERM' );
    unlink $resume;
};

subtest 'on a terminal' => sub {
    $t->need('script');
    $relay{us}->start( delay => 0.02 );
    my $run = $t->run(
        [ $t->find('script'), '-qec', "$signpost audit --config $relayed @names", '/dev/null' ] );
    like( $run->{out}, qr/\r\e\[K\d+ of 30 repositories, \d+ requests/, 'progress is shown' );
    like( $run->{out}, qr/\r\e\[K[^\e]*Do not switch/s,                 'and wiped in the end' );
};

# ---- the way out ----

subtest 'the commands' => sub {
    $t->need(qw(cosign crane));
    my %offline = ( HTTPS_PROXY => 'http://127.0.0.1:1', TUF_ROOT => $t->folder . '/tuf' );
    my $report  = $json->decode( audit( '--json', qw(team/app team/twice only/sa) )->{out} );
    for my $command ( grep { defined } map { $_->{command} } @{ $report->{findings} } ) {
        my ( $program, @arguments ) = split / /, $command;
        my $run = $t->run( [ $t->find($program), @arguments ], env => \%offline );
        is( $run->{status}, 0, $command =~ s/127\.0\.0\.1:\d+/registry/gr ) or diag $run->{err};
    }
    my $run = audit( '--json', qw(team/app team/twice only/sa) );
    is_deeply(
        findings($run),
        [ sort( ( grep { !/^missing/ } @app, @twice ), 'unsigned image only/sa v1 us sa' ) ],
        'afterwards nothing is missing any more'
    );
    push_to( 'eu sa', 'team/app',   $image{moved},                     'moving' );
    push_to( 'us',    'team/twice', together( @{ $by[1] }[ 0 .. 2 ] ), $apart );
    $run = audit(qw(team/app team/twice only/sa));
    is( $run->{status}, 0, 'when the rest has been put right, too' ) or diag $run->{out};
    like(
        $run->{out},
        qr/^Replication may be switched off: us has all that the others have, in 3 repositories\.$/m,
        'replication may be switched off'
    );
};

$t->done;
