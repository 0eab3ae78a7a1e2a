# SPDX-License-Identifier: Apache-2.0
#
# A power loss, a kill and a disk that fails, at each call of each command that writes: what it
# writes is then the old or the new, whole; what is left over stops nobody and is gone after the
# next run, which succeeds; an error is said in a sentence with the file and the reason, and is
# in the exit status. What a command has said to be done stays after a power loss.
#
#     SIGNPOST_POWER_LOSS=all prove …    # all faults at all calls, also those that are alike
#     SIGNPOST_POWER_LOSS_ONLY=PATTERN   # the commands with such names
use strict;
use warnings;

use Digest::SHA    qw(sha256_hex);
use File::Basename qw(dirname);
use File::Path     ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::FaultyDisk;
use Signpost::FaultyDoor;
use Signpost::Registry qw(image key_pair signature signature_tag);
use Signpost::Stub;
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new->need('openssl');
my $signpost = $t->program('signpost');
my $all      = ( $ENV{SIGNPOST_POWER_LOSS} // '' ) eq 'all';
my $forever  = 1 << 40;
Signpost::FaultyDisk->new( $t, $t->folder );
local $ENV{SOURCE_DATE_EPOCH} = 1764365400;    # in the lists of `index publish`

# ---- what is written, and by whom ----

my $key       = key_pair( $t, 'ours' );
my @image     = map { image( hello => $_ ) } 0, 1;
my @signed    = map { signature( $t, $key, $_, 'registry.example.org/team/app' ) } @image;
my %tags      = map { ( "v$_"                       => $image[$_]{digest} ) } 0,  1;
my %signature = map { ( signature_tag( $image[$_] ) => $signed[$_]{digest} ) } 0, 1;
my %regional  = ( 'team/app' => { tags => \%tags, things => \@image } );
my %canonical =
    ( 'team/app' => { tags => { %tags, %signature }, things => [ @image, @signed ] } );
my $door = Signpost::FaultyDoor->start( $t, 'door', \%regional, \%canonical );
my $conf =
    'name = "registry.example.org"; canonical = [ "us" ]; prober = "off"; prefix = "mirror/images";'
    . qq(upstreams = { eu = { url = "http://127.0.0.1:$door->{port}{regional}"; serves = [ "EU" ]; };)
    . qq( us = { url = "http://127.0.0.1:$door->{port}{canonical}"; }; };);
my @aws = map {
    $t->file( "aws.$_",
        qq({"prefixes":[{"ip_prefix":"192.0.$_.0/24","region":"eu-west-1","service":"EC2"}]}) )
} 1, 2;
my $has_registry =
    $t->run( [ $signpost, qw(verify http://127.0.0.1:1) ] )->{err} !~ /built without/;

# Index files, and two lists that a source has of them, one after the other.
my @lines = sort map { 'sha256:' . sha256_hex($_) . " team/app\n" } 1 .. 4;
my @index = ( $lines[0], "$lines[1]$lines[2]", $lines[3] );
my @file  = map { 'sha256-' . sha256_hex($_) } @index;
my @input = map { $t->file( "input.$_", join '', sort @lines[ $_ .. $_ + 2 ] ) } 0, 1;

sub list {
    my ( $serial, @parts ) = @_;
    my $first =
        "registry=registry.example.org source=team serial=$serial time=2026-11-28T21:30:00Z";
    return join '', "# signpost-index 1 $first\n",
        map { $file[$_] =~ s/-/:/r . ' ' . length( $index[$_] ) . " $file[$_]\n" } @parts;
}
my $source  = Signpost::Stub->new( $t, 'source' );
my %content = ( '/one/index' => list( 1, 0, 1 ), '/two/index' => list( 2, 1, 2 ) );
@content{ "/one/$file[$_]", "/two/$file[$_]" } = ( $index[$_] ) x 2 for 0 .. 2;
$source->serve( map { $_ => [ [ 200, {}, $content{$_} ] ] } keys %content );

sub sources {
    my @mirrors = map { '"' . $source->url . "/$_/\"" } @_;
    return 'index_sources = ( [ ' . join( ', ', @mirrors ) . " ] );\n";
}

# Each: the command, in a folder D with configurations, C and B, which knows fewer mirrors of
# the index's source; what is there before, by a command or as text, and after it (files, which
# may be patterns); durable: what it said to be done is to outlive a power loss; gone: what it
# removes at its end.
my @no_sources = map { "--source=$_=" } qw(google azure oracle digitalocean linode);
my @commands   = (
    {
        name    => 'drain',
        before  => [ [qw(share --config C us 0.5)] ],
        command => [qw(drain --config C eu)],
        files   => ['state/control'],
        durable => 1,
    },
    {
        name    => 'share, the first',
        command => [qw(share --config C us 0.25)],
        files   => ['state/control'],
        durable => 1,
    },
    {
        name    => 'ranges',
        before  => [ [ qw(ranges -q -o D/a.mmdb), $aws[0] ] ],
        command => [ qw(ranges -q -o D/a.mmdb), $aws[1] ],
        files   => ['a.mmdb'],
        durable => 1,
    },
    {
        name   => 'ranges --download',
        needs  => $has_registry,
        before => [
            [
                qw(ranges -q --config C --download clouds -o D/a.mmdb),
                "--source=aws=file://$aws[0]",
                @no_sources
            ]
        ],
        command => [
            qw(ranges -q --config C --download clouds --force -o D/a.mmdb),
            "--source=aws=file://$aws[1]", @no_sources
        ],
        files   => [qw(a.mmdb a.mmdb.sources/aws a.mmdb.sources/aws.note)],
        durable => 1,
    },
    {
        name    => 'index add',
        needs   => $has_registry,
        before  => [ [qw(index add --config C --index D/a.index team/app:v0)] ],
        command => [qw(index add --config C --index D/a.index team/app:v1)],
        files   => ['a.index'],
        durable => 1,
    },
    {
        name    => 'index pull',
        needs   => $has_registry,
        before  => [ [qw(index pull --config B)] ],
        command => [qw(index pull --config C)],
        files   => [qw(state/index/*/list state/index/*/status)],
        durable => 1,
    },
    {
        name    => 'index pull, the first',
        needs   => $has_registry,
        command => [qw(index pull --config B)],
        files   => ['state/index/*/list'],
        durable => 1,
    },
    {
        name    => 'index publish',
        needs   => $has_registry,
        before  => [ [ qw(index publish --name registry.example.org D/www), $input[0] ] ],
        command => [ qw(index publish --name registry.example.org D/www), $input[1] ],
        files   => ['www/index'],
        durable => 1,
    },
    {
        name    => 'index publish --unsigned-list',
        needs   => $has_registry,
        command =>
            [ qw(index publish --unsigned-list --name registry.example.org D/www), $input[1] ],
        files   => ['www/index.unsigned'],
        durable => 1,
    },
    {
        name    => 'audit',
        needs   => $has_registry,
        command => [qw(audit --config C --resume D/a.state --index D/a.index team/app)],
        files   => ['a.index'],
        gone    => ['a.state'],
        durable => 1,
    },
    {
        name    => 'verify',
        needs   => $has_registry,
        command => [
            qw(verify --state D/v.state --canonical), $door->canonical,
            $door->url,                               'team/app:v1'
        ],
        files => [],
        gone  => ['v.state'],
    },
    {
        name    => 'options > FILE',
        command => [qw(options)],
        out     => 'signpost.conf.new',
        files   => [],
        says    => qr/^signpost options: Standard output cannot be written: .*\.$/,
    },
);
my $only = $ENV{SIGNPOST_POWER_LOSS_ONLY} // '';
@commands = grep { ( $_->{needs} // 1 ) && $_->{name} =~ /(?:$only)/ } @commands;
for my $c (@commands) {
    $c->{$_} //= [] for qw(before files);
    $c->{gone} = { map { $_ => 1 } @{ $c->{gone} || [] } };
}

# ---- one command ----

my $dir;    # of the process that tries it

sub args {
    return map { s/\bD(?=\/)/$dir/r =~ s/^([BC])$/$dir\/$1.conf/r } @_;
}

sub names {
    my ($at) = @_;
    opendir my $folder, $at or return ();
    return map { -d "$at/$_" ? names("$at/$_") : "$at/$_" } grep { !/^\.\.?$/ } readdir $folder;
}

# A file's text, without what differs each time: when and how often sources were asked.
sub text {
    my ($file) = @_;
    return $t->slurp($file) =~ s/^(source(?: \w+){4}) .*/$1 0 0 0 /mgr;
}

# All files with their text.
sub snapshot {
    return { map { substr( $_, 1 + length $dir ) => text($_) } names($dir) };
}

# What lists of an index name that is not there.
sub missing {
    my ($files) = @_;
    my @missing;
    for my $list ( grep { $files->{$_} =~ /^# signpost-index/ } sort keys %$files ) {
        my %named = map { /^sha256:(\w+)/ ? ( dirname($list) . "/sha256-$1" => $1 ) : () }
            split /\n/, $files->{$list};
        push @missing, "$list names $_, which is not there"
            for grep { sha256_hex( $files->{$_} // '' ) ne $named{$_} } sort keys %named;
    }
    return @missing;
}

sub restore {
    my ($files) = @_;
    File::Path::remove_tree($dir);
    File::Path::make_path( "$dir/state", "$dir/www" );
    for my $name ( sort keys %$files ) {
        File::Path::make_path( dirname("$dir/$name") );
        open my $file, '>:raw', "$dir/$name" or die "$dir/$name: $!";
        print {$file} $files->{$name};
        close $file or die "$dir/$name: $!";
    }
    return;
}

sub show {
    return join ' ', map { defined $_ ? length $_ : 'none' } @_;
}

sub run_it {
    my ( $disk, $c, $sound ) = @_;
    my $out = $c->{out} && "$dir/$c->{out}";
    return $disk->run( { out => $out, sound => $sound }, $signpost, args( @{ $c->{command} } ) );
}

# What is wrong with the run after one with a fault.
sub next_run {
    my ( $disk, $c, $new ) = @_;
    my $run = run_it( $disk, $c, 1 );
    my $now = snapshot();
    my @wrong;
    push @wrong, "status $run->{status}, $run->{err}" if $run->{status} != $c->{status};
    push @wrong, "$_ is not new"
        for grep { ( $now->{$_} // '' ) ne ( $new->{$_} // '' ) } @{ $c->{files} };
    push @wrong, "$_ is left" for grep { !exists $new->{$_} } sort keys %$now;
    push @wrong, missing($now);
    return map { "after the next run: $_" } @wrong;
}

# What is wrong after one fault.
sub try {
    my ( $disk, $c, $old, $new, $fault, $first, $last ) = @_;
    restore($old);
    $disk->plan( $fault, $first, $last );
    my $run  = run_it( $disk, $c );
    my $hits = $disk->hits or return;
    my ( $what, $now ) = ( $disk->last, snapshot() );
    my @wrong;
    my $is_new = 1;

    for my $file ( @{ $c->{files} } ) {
        my ( $is, $was, $will ) = map { $_->{$file} } $now, $old, $new;
        $is_new &&= defined $is && $is eq $will;
        push @wrong, "$file is neither old nor new (" . show( $is, $was, $will ) . ')'
            if defined $is ? $is ne $will && ( !defined $was || $is ne $was ) : defined $was;
    }
    push @wrong, missing($now);
    my $is_loss = $fault =~ /kill|lose/;
    if ($is_loss) {
        push @wrong, "status $run->{status}" if $run->{status} != 137;
        push @wrong, 'is lost, though it was done'
            if $c->{durable} && $what =~ /^the end/ && !$is_new;
    }
    elsif ( $run->{status} == 0 ) {
        push @wrong, 'is not noticed'
            if $fault =~ /^E(?!INTR|ROFS)/
            && $what  =~ /^(?:write|fsync|rename\w*) |^close \S+\.new$/;
        my $out = $c->{out} // $c->{files}[0] // '';    # cut off, where it was printed
        push @wrong, 'is not done, and the exit status is 0'
            if !$is_new || ( $now->{$out} // '' ) ne ( $new->{$out} // '' );
    }
    else {
        my $errno = { full => 'ENOSPC' }->{$fault} // $fault;
        my $text  = do { local $! = Errno->can($errno)->(); "$!" };
        push @wrong, "status $run->{status}" if $run->{status} != 1;
        push @wrong, "says $run->{err}"
            if $run->{err} !~ ( $c->{says} // qr/\Q$dir\E\S* .*\Q$text\E.*\.$/m );
        my @left =
            grep { !exists $old->{$_} && !exists $new->{$_} && !$c->{gone}{$_} } sort keys %$now;
        push @wrong, "leaves @left"
            if @left && ( $last == $first || $fault =~ /ENOSPC|full/ ) && $what !~ /^unlink/;
    }
    my $state = join "\0", map { $_, $now->{$_} } sort keys %$now;
    push @wrong, @{ $c->{next}{$state} //= [ next_run( $disk, $c, $new ) ] };
    return map { "$fault at $first" . ( $last > $first ? '…' : '' ) . ", $what: $_" } @wrong;
}

# The faults that are tried, each with the first and the last call. A write can go wrong in more
# ways than others.
sub plans {
    my ($kinds) = @_;
    my @losses  = ( 'kill', 'lose both', 'lose names', 'lose bytes' );
    my @once    = qw(EIO short EINTR ENOSPC EDQUOT EROFS);
    my @forever = qw(EIO full ENOSPC EROFS);
    my $calls   = length $kinds;
    my @plans   = [ 'lose both', $calls, $calls ];
    for my $n ( 1 .. $calls - 1 ) {
        my $is_write = substr( $kinds, $n - 1, 1 ) eq 'w';
        my ( $losses, $once, $forever ) =
            $all ? ( 4, 6, 4 ) : $is_write ? ( 2, 3, 2 ) : ( 1, 1, 1 );
        my @loss = $losses == 1 ? $losses[ $n % 2 ] : @losses[ 0 .. $losses - 1 ];
        push @plans, map { [ $_, $n, $n ] } @loss, @once[ 0 .. $once - 1 ];
        push @plans, map { [ $_, $n, $forever ] } @forever[ 0 .. $forever - 1 ];
    }
    return @plans;
}

sub try_all {
    my ($c) = @_;
    $dir = $t->dir("disk-$$");
    my $text = "$conf state = \"$dir/state\";\n";
    restore( { 'B.conf' => $text . sources('one'), 'C.conf' => $text . sources( 'one', 'two' ) } );
    my $disk = Signpost::FaultyDisk->new( $t, $dir );
    for my $before ( @{ $c->{before} } ) {
        my $run = $disk->run( { sound => 1 }, $signpost, args(@$before) );
        return ( 0, "@$before: $run->{err}" ) if $run->{status};
    }
    my $old = snapshot();
    $disk->plan;
    my $run = run_it( $disk, $c );
    my ( $new, $kinds ) = ( snapshot(), $disk->kinds );
    $c->{files}  = [ map { substr $_, 1 + length $dir } map { glob "$dir/$_" } @{ $c->{files} } ];
    $c->{status} = $run->{status};
    my @wrong;
    push @wrong, "status $run->{status}: $run->{err}" if $run->{status} != ( $c->{fails} // 0 );
    push @wrong, "changes nothing ($run->{err})"
        if @{ $c->{files} } && !grep { ( $old->{$_} // '' ) ne ( $new->{$_} // '' ) }
        @{ $c->{files} };
    my @plans = plans($kinds);
    push @wrong, try( $disk, $c, $old, $new, @$_ ) for @plans;
    return ( scalar @plans, @wrong );
}

# ---- all of them, two at a time ----

sub in_turn {
    my ( $count, $work ) = @_;
    my @read;
    for my $worker ( 0 .. 1 ) {
        pipe my $read, my $write or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if ( !$pid ) {
            local $SIG{ALRM} = 'DEFAULT';
            for ( my $i = $worker ; $i < $count ; $i += 2 ) {
                my @lines = eval { $work->($i) };
                push @lines, "died: $@" if $@;
                s/\s*\n\s*/ /g for @lines;
                print {$write} map { "$i\t$_\n" } @lines;
            }
            close $write;
            POSIX::_exit(0);
        }
        push @read, $read;
    }
    my @found;
    for my $read (@read) {
        while ( my $line = <$read> ) {
            chomp $line;
            my ( $i, $text ) = split /\t/, $line, 2;
            push @{ $found[$i] }, $text;
        }
        wait;
    }
    return @found;
}

my @found = in_turn( scalar @commands, sub { try_all( $commands[ $_[0] ] ) } );
for my $i ( 0 .. $#commands ) {
    my ( $count, @wrong ) = @{ $found[$i] || [ 0, 'nothing came' ] };
    is( scalar @wrong, 0, "$commands[$i]{name}: $count faults" ) or diag join "\n", @wrong;
}
$t->done;
