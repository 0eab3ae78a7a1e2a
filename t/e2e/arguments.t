# SPDX-License-Identifier: Apache-2.0
#
# What commands say to arguments that are wrong, or lead nowhere: one sentence, and an exit status
# of 2 where the call itself is wrong, with a hint at --help, and else of 1. The table is at the
# end: the status and the call, then what is said, or its beginning.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use Signpost::Test;
use Test::More;

my $t       = Signpost::Test->new;
my $program = $t->program('signpost');
my $built   = $t->run( [ $program, '--version' ] )->{out};
$t->skip_all('this signpost was built without some library')
    if grep { $built !~ /$_/ } qw(libcurl jansson libmaxminddb libyaml);
delete @ENV{ grep { /^(?:UPSTREAM_REGISTRY_|SIGNATURE_UPSTREAM_|DEFAULT_AWS_)/ } keys %ENV };
local $ENV{LC_ALL} = 'C';

my $dir = $t->folder;
$t->dir($_) for qw(state DIR);
my @digest = map { 'sha256:' . sha256_hex($_) } 1 .. 4;
$t->file( 'IN', join '', map { "$_ team/app\n" } sort @digest );
$t->file( 'LOG',
    'x - - [28/Nov/2026:21:30:00 +0000] "GET /v2/team/app/manifests/v1 HTTP/1.1" 307 0 "-" "x" "FR"'
        . "\n" );
$t->file( 'AWS',
    '{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"eu-west-1","service":"EC2"}]}' );
$t->file( 'CONF', <<"EOT");
name = "registry.example.org"; canonical = [ "us" ]; prober = "off"; state = "$dir/state";
upstreams = { eu = { url = "http://127.0.0.1:1"; serves = [ "EU" ]; place = "aws:eu-west-3"; };
              us = { url = "http://127.0.0.1:2"; place = "aws:us-east-1"; }; };
buckets   = ( { name = "cdn"; url = "http://127.0.0.1:3/{digest}"; serves = [ "DE" ]; } );
pages     = ( { path = "/privacy"; url = "https://www.example.org/privacy"; } );
databases = [ "a.mmdb" ];
EOT
chdir $dir or die "$dir: $!";    # so that names are short
$t->run( [ $program, qw(ranges -q -o a.mmdb AWS) ] )->{status} == 0 or die;

my @lines = grep { /\S/ } <DATA>;
while ( my ( $line, $said ) = splice @lines, 0, 2 ) {
    chomp( $line, $said );
    $line =~ s/DIGEST/$digest[0]/g;
    $said =~ s/^ +//;
    my ( $status, @call ) = split / /, $line;
    my $run  = $t->run( [ $program, @call ] );
    my $text = "$run->{err}$run->{out}" =~ s/$digest[0]/DIGEST/gr;
    is( $run->{status}, $status, "@call" )        or diag $text;
    ok( index( $text, $said ) >= 0, '  says so' ) or diag "$text\nand not: $said";
    like(
        $run->{err},
        qr/^`signpost $call[0] --help` says how to call it\.$/m,
        '  and where help is'
        )
        if $status == 2
        && $said !~ /^(?:there is no target|.*(?:is no image|no tag behind|another registry))/;
    unlink 'x';
}
is( $t->slurp("$dir/IN"), join( '', map { "$_ team/app\n" } sort @digest ), 'nothing is changed' );
chdir '/' or die;
$t->done;
__DATA__
2 index
    add, has, check, publish, pull or wait?
2 index nonsense
    "nonsense" is none of add, has, check, publish, pull and wait.
2 index check a b
    there can be only one INDEX to check.
2 index check --index x
    with check goes only --config.
2 index check --registry https://x.example.org
    with check goes only --config.
2 index has
    which NAME@DIGEST?
2 index has --index IN nonsense
    "nonsense" is not NAME@DIGEST.
2 index has --index IN team/app@sha256:1
    "team/app@sha256:1" is not NAME@DIGEST.
2 index has --index IN --from x team/app
    with has go only --config, --index and --name.
2 index add --index IN --from IN team/app:v1
    with --from goes neither IMAGE nor --registry nor --signatures.
2 index add --index IN --from IN --registry https://x.example.org
    with --from goes neither IMAGE nor --registry nor --signatures.
1 index add --index IN --registry nonsense team/app:v1
    nonsense: that is no URL of a registry, such as https://us.registry.exam
1 index add --index IN --registry https://x.example.org/{a} team/app:v1
    https://x.example.org/{a}: that is no URL of a registry, such as https:/
1 index add --index IN --registry http://127.0.0.1:1// team/app:v1
    team/app:v1: http://127.0.0.1:1/v2/team/app/manifests/v1 cannot be read:
1 index add --config CONF team/app:v1
    the configuration names no `index`: add one, or say --index FILE.
2 index pull x
    with pull goes only --config.
1 index pull --config CONF
    the configuration names no `index_sources`.
2 index publish
    which FOLDER and FILEs?
2 index publish DIR
    which FOLDER and FILEs?
2 index publish --name n.example.org --signature s DIR IN
    with --signature goes only FOLDER.
2 index publish --key k --unsigned-list DIR IN
    of --key, --unsigned-list and --signature goes only one, and with the la
2 index publish --key k --signature s DIR
    of --key, --unsigned-list and --signature goes only one, and with the la
2 index publish --signature s --shrinks DIR
    of --key, --unsigned-list and --signature goes only one, and with the la
2 index publish --signature s --name n DIR
    of --key, --unsigned-list and --signature goes only one, and with the la
1 index publish --signature none DIR
    In DIR no list waits for a signature: make one with --unsigned-list.
1 index publish --name n.example.org none IN
    The folder none cannot be opened: No such file or directory.
1 index publish --name n.example.org DIR none
    none cannot be read: No such file or directory.
1 index publish --name n.example.org --key none DIR IN
    none cannot be read: No such file or directory.
2 index check --name n
    with check goes only --config.
1 index check --config CONF
    the configuration names no `index`: name the file to check.
1 index check none
    none cannot be read: No such file or directory.
1 index has --config CONF team/app@DIGEST
    the configuration names no `index` and no `index_sources`.
2 index check --shrinks IN
    with check goes only --config.
2 index check --unsigned-list IN
    with check goes only --config.
2 index pull --index x
    with pull goes only --config.
2 index publish --index x DIR IN
    with publish go only --config, --key, --signature, --name, --unsigned-list, --shrinks, --add and --oci.
2 index publish --registry x DIR IN
    with publish go only --config,
2 index has --registry x team/app@DIGEST
    with has go only --config, --index and --name.
2 index add --add team/app
    with add go only --config, --from, --index, --registry, --signatures and --name.
2 index has --index IN r.example.org/team/app@DIGEST
    "r.example.org/team/app@DIGEST" begins with a host, and it is not known which host is this registry's: say that with --name or --config, or leave the host out.
2 index has --index IN localhost:5000/team/app@DIGEST
    "localhost:5000/team/app@DIGEST" begins with a host
0 index has --index IN --name r.example.org r.example.org/team/app@DIGEST
    r.example.org/team/app@DIGEST: listed by IN
0 index has --index IN --config CONF registry.example.org/team/app@DIGEST
    registry.example.org/team/app@DIGEST: listed by IN
2 index wait x y z
    "x" is not an http or https URL.
2 verify
    which URL?
2 verify ftp://x
    "ftp://x" is no front door: write https://registry.example.org, without 
2 verify https://x/y
    "https://x/y" is no front door: write https://registry.example.org, with
2 verify http://{x}
    "http://{x}" is no front door: write https://registry.example.org, witho
2 verify --jobs 0 http://127.0.0.1:1
    --jobs wants a number from 1 to 64.
2 verify --jobs 1000 http://127.0.0.1:1
    --jobs wants a number from 1 to 64.
2 verify --jobs x http://127.0.0.1:1
    --jobs wants a number from 1 to 64.
1 verify --address x http://127.0.0.1:1
    Bail out! http://127.0.0.1:1 does not answer: Couldn't resolve host name
2 verify --address [::1 http://127.0.0.1:1
    "[::1" is no address: write IP, IP:PORT or [IPv6]:PORT.
2 verify --address 1.2.3.4:x http://127.0.0.1:1
    "1.2.3.4:x" is no address: write IP, IP:PORT or [IPv6]:PORT.
2 verify --address a:b:c:d http://127.0.0.1:1
    "a:b:c:d" is no address: write IP, IP:PORT or [IPv6]:PORT.
2 verify --place EU http://127.0.0.1:1
    --header and --place go together: which header, and what to say in it.
2 verify --header X-R http://127.0.0.1:1
    --header and --place go together: which header, and what to say in it.
2 verify --header : --place EU http://127.0.0.1:1
    that is no header, such as --header X-Client-Region --place FR.
2 verify --canonical x http://127.0.0.1:1
    --canonical wants a URL, such as https://us.registry.example.org.
2 verify --canonical http://x/{y} http://127.0.0.1:1
    --canonical wants a URL, such as https://us.registry.example.org.
1 verify --file none http://127.0.0.1:1
    none cannot be opened: No such file or directory.
1 verify --ca none http://127.0.0.1:1 
    Bail out! http://127.0.0.1:1 does not answer: Couldn't connect to server
1 verify --state DIR http://127.0.0.1:1
    Bail out! http://127.0.0.1:1 does not answer: Couldn't connect to server
2 verify http://127.0.0.1:1 BAD
    "BAD" is no image: write a name such as "team/app:v1".
2 verify http://127.0.0.1:1 nonsense:
    "nonsense:" has no tag behind its colon: write "team/app:v1".
2 replay
    --against NEW.conf is missing.
1 replay --against CONF --config CONF none
    the log none cannot be read: No such file or directory.
2 replay --against CONF --config CONF --quoted 4 LOG
    --quoted wants N=HEADER, such as 4=X-Forwarded-For.
2 replay --against CONF --config CONF --quoted 0=X LOG
    --quoted wants N=HEADER, such as 4=X-Forwarded-For.
2 replay --against CONF --config CONF --quoted 99=X LOG
    --quoted wants N=HEADER, such as 4=X-Forwarded-For.
2 replay --against CONF --config CONF --quoted 4= LOG
    --quoted wants N=HEADER, such as 4=X-Forwarded-For.
2 replay --against CONF --config CONF --quoted x=X LOG
    --quoted wants N=HEADER, such as 4=X-Forwarded-For.
0 replay --against CONF --config CONF --quoted 4=b@d LOG
    1 requests read.
0 replay --against CONF --config CONF --quoted 4=SIGNPOST_REGION LOG
    1 requests read.
2 replay --against CONF --config CONF --quoted 4=X --quoted 4=Y --quoted 4=Z --quoted 4=U --quoted 4=V --quoted 4=W --quoted 4=A --quoted 4=B --quoted 4=C LOG
    --quoted wants N=HEADER, such as 4=X-Forwarded-For.
2 replay --against CONF --config CONF --top x LOG
    --top wants a number.
2 replay --against CONF --config CONF --top -1 LOG
    --top wants a number.
2 replay --against CONF --config CONF --skip x LOG
    --skip wants a number of lines.
1 replay --against CONF --config CONF --skip 1 LOG
    the log holds no request that can be read: it must be in the combined or
2 replay --against CONF --config CONF --fail-over x LOG
    --fail-over wants a percentage, such as 0.5%.
2 replay --against CONF --config CONF --fail-over -1 LOG
    --fail-over wants a percentage, such as 0.5%.
2 replay --against CONF --config CONF --fail-over 101 LOG
    --fail-over wants a percentage, such as 0.5%.
2 replay --against CONF --config CONF --fail-over 5%% LOG
    --fail-over wants a percentage, such as 0.5%.
0 replay --against CONF --config CONF --fail-over 5% LOG
    1 requests read.
0 replay --against CONF --config CONF LOG IN
    1 requests read; 4 lines could not be read.
1 replay --against CONF --config CONF --json DIR
    the log DIR cannot be read: Is a directory.
2 ranges
    There is no file to read.
2 ranges -o x
    There is no file to read.
1 ranges -o DIR AWS
    DIR is not a regular file; give another name to write to.
1 ranges -o none/x AWS
    none/x cannot be written: No such file or directory.
1 ranges -o x none
    none cannot be read: No such file or directory.
1 ranges -o x DIR
    DIR cannot be read: Is a directory.
2 ranges -o x --place nonsense AWS
    "nonsense" is not a place: say a region (aws:eu-west-3), a country (FR),
2 ranges -o x --format nonsense AWS
    "nonsense" is not a format: aws, google, azure, oracle, geofeed, list, r
1 ranges -o x --format list AWS
    AWS is a plain list of prefixes, which does not say where they are; give
1 ranges -o x --format rir AWS
    AWS:1: "{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"eu-west-1","s
1 ranges -o x --format geofeed AWS
    AWS:1: "{"prefixes":[{"ip_prefix":"192.0.2.0/24"" is not an IPv4 or IPv6
1 ranges -o x --format google AWS
    AWS: prefixes[0] has no text "ipv4Prefix"; the file is not what it seems
1 ranges -o x --format azure AWS
    AWS has no prefix with a place; check that it is the right file.
1 ranges -o x --format oracle AWS
    AWS has no prefix with a place; check that it is the right file.
2 ranges --place EU -o x
    There is no file to read.
2 ranges --diff
    --diff lacks its value.
2 ranges --diff AWS
    There is no file to read.
1 ranges --diff none AWS
    none cannot be read: No such file or directory.
1 ranges --diff AWS none
    none cannot be read: No such file or directory.
2 ranges --diff AWS --download clouds
    --download takes no files; compile or compare in a run of its own.
2 ranges --download
    --download lacks its value.
2 ranges --download nonsense
    "nonsense" cannot be downloaded: say clouds or country.
2 ranges --download clouds AWS
    --download takes no files; compile or compare in a run of its own.
2 ranges --download clouds --diff AWS AWS
    --download takes no files; compile or compare in a run of its own.
2 ranges --download clouds --source nonsense
    --source "nonsense" lacks the URL: say --source NAME=URL.
2 ranges --download clouds --source aws=ftp://x
    --source "aws=ftp://x" must be an https or file URL.
2 ranges --download country --source =x
    --source "=x" is not a source's name (small letters, digits and '-').
1 ranges --config none --download clouds
    none: error: the configuration cannot be read: No such file or directory
2 ranges --source aws=https://x.example.org -o x AWS
    --source goes with --download.
2 audit --config CONF --parallel 0
    --parallel takes a number from 1 to 64.
2 audit --config CONF --parallel 1000
    --parallel takes a number from 1 to 64.
2 audit --config CONF --json --csv team/app
    --json and --csv are one or the other, once.
1 audit --config CONF BAD
    "BAD" is no repository: write a name without a tag, such as team/app.
1 audit --config CONF --repositories none
    none cannot be read: No such file or directory.
1 audit --config CONF --repositories DIR
    DIR cannot be read: Is a directory.
1 audit --config CONF --repositories LOG
    LOG:1: "x - - [28/Nov/2026:21:30:00 +0000] "GET /v2/team/app/manifests/v
1 audit --config CONF --resume DIR team/app
    DIR cannot be opened: Is a directory.
1 audit --config CONF --resume IN team/app
    IN is no file of `signpost audit`: name another one for --resume.
1 audit --config CONF --index none/x team/app
    none/x cannot be written: No such file or directory.
1 audit --config CONF team/app
    These could not be read, so more may be missing.
1 audit --config CONF
    No registry lists its repositories (http://127.0.0.1:1/v2/_catalog?n=100
2 drain
    an argument is missing.
2 drain --config CONF
    an argument is missing.
2 drain --config CONF none
    there is no target "none".
2 share --config CONF
    an argument is missing.
2 share --config CONF us
    an argument is missing.
2 share --config CONF us 2
    "2" is no share: write a percentage from 0% to 100%, a number from 0 to 
2 share --config CONF us x
    "x" is no share: write a percentage from 0% to 100%, a number from 0 to 
2 share --config CONF none 0.5
    there is no target "none".
2 share --config CONF eu 0.5 x
    "x" is one argument too many.
2 forget
    an argument is missing.
2 forget --config CONF
    an argument is missing.
2 forget --config CONF none
    there is no target "none".
1 forget --config CONF us
    There is no prober to be asked: start one (`signpost prober`) and try ag
2 forget --config CONF us nonsense
    "nonsense" is no NAME@DIGEST: write the repository as clients ask for it
1 forget --config CONF us team/app@DIGEST
    There is no prober to be asked: start one (`signpost prober`) and try ag
2 forget --config CONF cdn DIGEST
    "DIGEST
2 forget --config CONF us a b
    "b" is one argument too many.
2 import
    say what to import: archeio.
2 import nonsense
    say what to import: archeio.
1 import archeio none
    none cannot be read: No such file or directory.
1 import archeio DIR
    DIR: it cannot be read, or is larger than 8388608 bytes.
1 import archeio LOG
    UPSTREAM_REGISTRY_ENDPOINT is not set anywhere: without it, archeio woul
1 import archeio AWS
    UPSTREAM_REGISTRY_ENDPOINT is not set anywhere: without it, archeio woul
1 import archeio --name x
    UPSTREAM_REGISTRY_ENDPOINT is not set anywhere: without it, archeio woul
2 target --config CONF
    which IMAGE? There is to be one.
2 target --config CONF BAD
    "BAD" is no image: write a name such as "team/app:v1".
2 target --config CONF other.example.org/team/app
    The image is at another registry: leave the host away, or name this one'
0 target --config CONF registry.example.org/team/app:v1
    127.0.0.1:2/team/app:v1
1 target --config CONF --check team/app
    http://127.0.0.1:2/v2/ does not answer: Couldn't connect to server.
2 where --config CONF
    an argument is missing.
1 where --config CONF nonsense
    client    of unknown place: "nonsense" is no region, country or the like
0 where --config CONF 192.0.2.1
    client    in region aws:eu-west-1 (Dublin), country IE (Ireland), contin
0 where --config CONF FR
    client    in country FR (France), continent EU (Europe), from SIGNPOST_R
0 where --config CONF 48.8,2.3
    client    at a point, from SIGNPOST_REGION "48.8,2.3"
0 where --config CONF EU
    client    at the upstream eu, region aws:eu-west-3 (Paris), country FR (
0 where --config CONF us-east-1
    client    in region aws:us-east-1 (Ashburn), country US (United States),
1 where --config CONF ::1
    client    of unknown place: neither a region nor an address tells ::1
1 where --config none FR
    none: error: the configuration cannot be read: No such file or directory
1 places --config CONF nonsense-place
    "nonsense-place" is no known place: write a region ("aws:eu-west-3"), re
1 places --config CONF --json nonsense-place
    "nonsense-place" is no known place: write a region ("aws:eu-west-3"), re
2 places a b
    "b" is one argument too many.
1 places --json onprem:x
    "onprem:x" is no known place: write a region ("aws:eu-west-3"), regions 
2 map --config CONF a
    "a" is one argument too many.
1 map --config none
    none: error: the configuration cannot be read: No such file or directory
1 hosts --config none
    none: error: the configuration cannot be read: No such file or directory
1 state --config none
    none: error: the configuration cannot be read: No such file or directory
2 state --config CONF x
    "x" is one argument too many.
2 prober x
    "x" is one argument too many.
1 prober --config none
    none: error: the configuration cannot be read: No such file or directory
1 reload --config CONF
    No responder and no prober uses 
1 reload --config none
    none: error: the configuration cannot be read: No such file or directory
1 check none
    none: error: the configuration cannot be read: No such file or directory
1 check DIR
    DIR: error: the configuration cannot be read: it is not a plain file.
0 explain --config CONF --ip nonsense /v2/
    status    200
0 explain --config CONF --ip 192.0.2.1 nonsense
    status    404 Not Found: UNSUPPORTED, Nothing is served under this path.
0 explain --config CONF --method POST /v2/team/app/manifests/v1
    status    405 Method Not Allowed: UNSUPPORTED, Only GET and HEAD are ser
0 explain --config CONF --region nonsense-region /v2/team/app/manifests/v1
    status    307
0 explain --config CONF --region FR /v2/team/app/manifests/v1
    status    307
0 explain --config CONF --ip 192.0.2.1 --region xx /v2/team/app/blobs/DIGEST
    status    307
0 explain --config CONF --json --region DE /v2/team/app/blobs/DIGEST
    "status": 307,
0 explain --config CONF /v2/team/app/tags/list
    status    307
0 explain --config CONF /privacy
    status    307
0 explain --config CONF /nowhere
    status    404 Not Found: UNSUPPORTED, Nothing is served under this path.
0 explain --config CONF /v2/team/app/blobs/sha256:1
    status    404 Not Found: BLOB_UNKNOWN, This is no name and digest of a b
0 explain --config CONF /v2/BAD/manifests/v1
    status    404 Not Found: MANIFEST_UNKNOWN, This is no name and reference
0 explain --config CONF --header X-Forwarded-For:1.2.3.4 /v2/
    status    200
1 audit --config CONF --csv team/app
    unread,team/app,,,,,us,http://127.0.0.1:2/v2/team/app/tags/list cannot be read:
1 audit --config CONF --json team/app
    {"finding":"unread","repository":"team/app","at":["us"],"why":"http://127.0.0.1:2/
1 verify --json http://127.0.0.1:1
    "cause": "http://127.0.0.1:1 does not answer:
0 share --config CONF --json us 0.5
    {"target": "us", "share": 0.5, "configured": 1, "still_used": false}
0 share --config CONF --json us default
    "target": "us"
0 index check IN
    IN: 4 lines in order, 4 of them with a repository's name.
0 ranges --diff a.mmdb AWS
    0 networks added, 0 removed, 0 moved
1 ranges --diff LOG AWS
    LOG is a plain list of prefixes, which does not say where they are;
1 where --config CONF 999.1.1.1
    of unknown place: "999.1.1.1" is no region, country or the like that is known
