# SPDX-License-Identifier: Apache-2.0
#
# An upstream that does what the repository's name says, and tells what it was asked:
#
#     my $up = Signpost::Upstream->start( $t, 'eu' );
#     $up->url, $up->requests    # "HEAD /v2/present/app/blobs/sha256:..." since the last call
#     $up->mode('status 503');   # for all that is asked from now on; '' ends that
#     my $hole = Signpost::Upstream::black_hole();    # $hole->{url} never answers
#
# The first part of a name: present, absent, status-429, slow-300 (present, after so
# many ms), silent (no answer, ever), reset, garbage, endless (header), away (a
# redirect to a stranger), endless-404 (whose body does not end; "sent N" is then logged, N in
# KB), here (a redirect to what is present), there-PORT (the same on
# another port), loop, other (of another digest), body (a HEAD answered with a body).
#
# The mode "serve HOW FILE" serves a file for every GET: right, damaged (one byte is another),
# truncated (the length says so), cut (the length does not), rangeless (all of it for a
# Range, too), misranged (a Range is of other bytes).
package Signpost::Upstream;

use strict;
use warnings;

use File::Basename ();
use IO::Select;
use IO::Socket::INET;
use Socket      qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

sub start {
    my ( $class, $t, $name ) = @_;
    my $port = $t->port;
    my $self = bless { t => $t, name => $name, port => $port, seen => 0 }, $class;
    my $lib  = File::Basename::dirname( File::Basename::dirname(__FILE__) );
    $self->{command} = [
        $^X, "-I$lib", '-MSignpost::Upstream', '-e', 'Signpost::Upstream::serve(@ARGV)',
        $port,
        $self->_file('asked'),
        $self->_file('mode')
    ];
    $self->again;
    return $self;
}

# Starts it again after a stop.
sub again {
    my ($self) = @_;
    $self->{t}->start( $self->{name}, $self->{command} );
    $self->{t}->wait_for_port( $self->{name}, $self->{port} );
    return;
}

# A port that lets no connection come about, as behind a firewall that drops packets:
# its backlog is full and stays so. To be kept: { port, url }.
sub black_hole {
    my $listener = IO::Socket::INET->new( LocalAddr => '127.0.0.1', Listen => 1 )
        or die "black hole: $!";
    my $port = $listener->sockport;
    my @held;
    for ( 1 .. 64 ) {
        my $c = IO::Socket::INET->new( Proto => 'tcp', Blocking => 0 ) or die "black hole: $!";
        connect $c, $listener->sockname;
        push @held, $c;
        return { port => $port, url => "http://127.0.0.1:$port", held => [ $listener, @held ] }
            if !IO::Select->new($c)->can_write(0.05);
    }
    die "black hole: it takes 64 connections\n";
}

sub _file { return $_[0]{t}->folder . "/$_[0]{name}.$_[1]" }
sub port  { return $_[0]{port} }
sub url   { return "http://127.0.0.1:$_[0]{port}" }

sub mode {
    my ( $self, $mode ) = @_;
    $self->{t}->file( "$self->{name}.mode.new", $mode );
    rename $self->_file('mode.new'), $self->_file('mode') or die "rename: $!";
    return;
}

# What has been asked since the last call, without checks of its health.
sub requests {
    my ($self) = @_;
    my @all    = split /\n/, $self->{t}->slurp( $self->_file('asked') );
    my @new    = @all[ $self->{seen} .. $#all ];
    $self->{seen} = @all;
    return grep { !m{/v2/$| check$} } @new;
}

# ---- the server's process ----

sub _answer {
    my ( $status, @headers ) = @_;
    return join "\r\n", "HTTP/1.1 $status So", @headers, 'Content-Length: 0', '', '';
}

# What to do for a request: bytes to send, how long to wait before, what to do then.
sub _behave {
    my ( $mode, $port, $path ) = @_;
    my $how      = $mode || ( $path =~ m{/v2/([^/]+)} )[0] || 'registry';
    my ($digest) = $path =~ m{(sha\d+:\w+)$};
    my @digest   = $digest ? "Docker-Content-Digest: $digest" : ();
    return { send => _answer( 401, 'WWW-Authenticate: Bearer realm="r"' ) }
        if $how =~ /^status[- ]401$/;
    return { send => _answer($1) } if $how =~ /^status[- ](\d+)$/;
    my @registry = 'Docker-Distribution-Api-Version: registry/2.0';
    return {
        send => _answer( 200, @registry ),
        wait => ( $how =~ /^slow-(\d+)$/ ? $1 / 1000 : 0 )
        }
        if $how eq 'registry' || ( $path =~ m{/v2/$} && $how =~ /^(?:present|absent|slow-)/ );
    return { send => _answer(404) }                                   if $how eq 'absent';
    return { send => _answer( 200, @digest ), wait => $1 / 1000 }     if $how =~ /^slow-(\d+)$/;
    return { silent => 1 }                                            if $how eq 'silent';
    return { reset => 1 }                                             if $how eq 'reset';
    return { send => "\x{0}\x{1}garbage\n\n", close => 1 }            if $how eq 'garbage';
    return { send => "HTTP/1.1 200 OK\r\n", endless => 1 }            if $how eq 'endless';
    return { send => "HTTP/1.1 404 Not Found\r\n\r\n", endless => 1 } if $how eq 'endless-404';
    return { send => _answer( 307, 'Location: http://localhost:1/stranger' ) }   if $how eq 'away';
    return { send => _answer( 307, "Location: /v2/present/app/blobs/$digest" ) } if $how eq 'here';
    return { send => _answer( 307, "Location: http://127.0.0.1:$1/v2/present/app/blobs/$digest" ) }
        if $how =~ /^there-(\d+)$/;
    return { send => _answer( 307, "Location: $path" ) } if $how eq 'loop';
    return { send => _answer( 200, 'Docker-Content-Digest: sha256:' . '0' x 64 ) }
        if $how eq 'other';
    return { send => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", close => 1 }
        if $how eq 'body';
    return { send => _answer( 200, @digest ) };
}

sub _serve {
    my ( $how, $path, $from ) = @_;
    my $content = do { local $/ = undef; _slurp($path) };
    $from = undef if $how eq 'rangeless';
    my $whole = length $content;
    $content = substr $content, $from if defined $from;
    $content = 'x' x length $content if defined $from && $how eq 'misranged';
    $content ^= "\1" if $how eq 'damaged';
    my $length = length $content;
    $content = substr $content, 0, $length / 2 if $how =~ /^(?:truncated|cut)$/;
    $length  = length $content if $how eq 'truncated';
    my @head = defined $from ? '206 Part' : '200 All';
    push @head, sprintf 'Content-Range: bytes %d-%d/%d', $from, $whole - 1, $whole
        if defined $from;
    return {
        send => join( "\r\n",
            "HTTP/1.1 $head[0]",
            @head[ 1 .. $#head ],
            "Content-Length: $length",
            '', $content ),
        close => $how eq 'cut'
    };
}

sub _slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    return scalar <$file> // '';
}

sub serve {
    my ( $port, $log_name, $mode_name ) = @_;
    local $SIG{PIPE} = 'IGNORE';
    open my $log, '>>', $log_name or die "$log_name: $!";
    $log->autoflush;
    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $port,
        Listen    => 1024,
        ReuseAddr => 1
    ) or die "port $port: $!";
    my $select = IO::Select->new($listener);
    my ( %bytes, @later, %endless, %sent );
    my $close = sub {
        my ($c) = @_;
        $select->remove($c);
        delete $bytes{$c};
        printf {$log} "sent %d\n", delete( $sent{$c} ) / 1024 if $sent{$c};
        delete $endless{$c};
        close $c;
    };
    my $act = sub {
        my ( $c, $do ) = @_;
        return if $do->{silent};
        setsockopt $c, SOL_SOCKET, SO_LINGER, pack 'll', 1, 0 if $do->{reset};
        syswrite $c, $do->{send} if defined $do->{send};
        $close->($c)      if $do->{reset} || $do->{close};
        $endless{$c} = $c if $do->{endless};
    };
    while (1) {
        my $wait = %endless ? 0.001 : 0.5;
        for (@later) { my $left = $_->[0] - time; $wait = $left if $left < $wait }
        for my $c ( $select->can_read( $wait > 0 ? $wait : 0 ) ) {
            if ( $c == $listener ) {
                my $new = $listener->accept or next;
                $bytes{$new} = '';
                $select->add($new);
                next;
            }
            if ( !sysread $c, $bytes{$c}, 65536, length $bytes{$c} ) { $close->($c); next }
            while ( defined $bytes{$c}
                && $bytes{$c} =~ s/^([A-Z]+) (\S+) [^\n]*\r\n(.*?\r\n)\r\n//s )
            {
                my ( $method, $path, $header ) = ( $1, $2, $3 );
                my ($from) = $header =~ /^Range: bytes=(\d+)-/mi;
                my $for = $header =~ /^User-Agent: signpost\S+ \(health check\)/mi ? ' check' : '';
                print {$log} "$method $path$for\n";
                my $mode = _slurp($mode_name);
                my $do =
                    $method eq 'GET' && $path !~ m{/v2/$} && $mode =~ /^serve (\S+) (\S+)/
                    ? _serve( $1, $2, $from )
                    : _behave( $mode =~ /^serve/ ? 'present' : $mode, $port, $path );
                if ( $do->{wait} ) { push @later, [ time + $do->{wait}, $c, $do ] }
                else               { $act->( $c, $do ) }
            }
        }
        for my $c ( values %endless ) {
            $c->blocking(0);
            my $sent = syswrite $c, "X-Header: without an end\r\n" x 100;
            $sent{$c} += $sent // 0;
            $close->($c) if !defined $sent && !$!{EAGAIN};
        }
        my $now = time;
        my @due = grep { $_->[0] <= $now } @later;
        @later = grep { $_->[0] > $now } @later;
        $act->( @$_[ 1, 2 ] ) for @due;
    }
    return;
}

1;
