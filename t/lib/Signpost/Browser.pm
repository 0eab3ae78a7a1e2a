# SPDX-License-Identifier: Apache-2.0
#
# Headless Chromium, driven by ChromeDriver's WebDriver protocol (W3C), with core modules
# only:
#
#     my $browser = Signpost::Browser->start($t);    # skips the test where there is none
#     $browser->screen( 360, 740, 'dark' );
#     $browser->open("http://127.0.0.1:$port/");
#     my $title = $browser->run('return document.title');
#     my @said  = $browser->console;                 # what it complained of since the last call
#     my @urls  = $browser->requests;                # what it has asked for since the last call
package Signpost::Browser;

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP     ();
use MIME::Base64 qw(decode_base64);

my $json = JSON::PP->new->utf8->canonical;

# Nothing but the page may use the network, and the machine has no display.
my @arguments = qw(--headless --disable-gpu --disable-quic --no-first-run --disable-sync
    --disable-background-networking --disable-component-update --disable-default-apps
    --disable-dev-shm-usage --hide-scrollbars --no-default-browser-check);

sub start {
    my ( $class, $t ) = @_;
    my %path = map { $_ => $t->find($_) } qw(chromium chromedriver);
    for my $name ( sort keys %path ) {
        $t->skip_all("$name is not installed, and no other browser is tried") if !$path{$name};
    }
    my $port = $t->port;
    $t->start(
        'chromedriver',
        [ $path{chromedriver}, "--port=$port" ],
        env => { TMPDIR => $t->dir('chromium.tmp') }
    );
    $t->wait_for_port( 'chromedriver', $port );
    my $self = bless {
        t    => $t,
        base => "http://127.0.0.1:$port/session",
        http => HTTP::Tiny->new( timeout => 30, proxy => undef, http_proxy => undef ),
    }, $class;
    my %options = (
        binary => $path{chromium},
        args   => [
            @arguments,
            '--user-data-dir=' . $t->dir('chromium.profile'),
            $> == 0 ? '--no-sandbox' : ()
        ],
    );
    my $session = $self->_call(
        POST => '',
        {
            capabilities => {
                alwaysMatch => {
                    browserName          => 'chrome',
                    'goog:chromeOptions' => \%options,
                    'goog:loggingPrefs'  => { browser => 'ALL', performance => 'ALL' },
                    'pageLoadStrategy'   => 'normal',
                }
            }
        }
    );
    $self->{base} .= "/$session->{sessionId}";
    return $self;
}

# One WebDriver command; dies with what the driver says.
sub _call {
    my ( $self, $method, $path, $body ) = @_;
    my %content =
        $body
        ? ( content => $json->encode($body), headers => { 'Content-Type' => 'application/json' } )
        : ();
    my $answer = $self->{http}->request( $method, "$self->{base}$path", \%content );
    my $value  = eval { $json->decode( $answer->{content} )->{value} };
    return $value if $answer->{success};
    my $why = ref $value eq 'HASH' ? "$value->{error}: $value->{message}" : $answer->{content};
    die "chromedriver: $method $path: $why\n";
}

# One command of Chromium's own protocol.
sub _devtools {
    my ( $self, $command, %parameters ) = @_;
    return $self->_call(
        POST => '/goog/cdp/execute',
        { cmd => $command, params => \%parameters }
    );
}

# Goes to a page, and returns when it has loaded.
sub open {
    my ( $self, $url ) = @_;
    $self->_call( POST => '/url', { url => $url } );
    return;
}

# The size of the window in CSS pixels, and "light" or "dark".
sub screen {
    my ( $self, $width, $height, $scheme ) = @_;
    $self->_devtools(
        'Emulation.setDeviceMetricsOverride',
        width             => $width,
        height            => $height,
        deviceScaleFactor => $width < 700 ? 2              : 1,
        mobile            => $width < 700 ? JSON::PP::true : JSON::PP::false,
    );
    $self->_devtools( 'Emulation.setEmulatedMedia',
        features => [ { name => 'prefers-color-scheme', value => $scheme } ] );
    return;
}

# What the body of a function returns in the page.
sub run {
    my ( $self, $script, @arguments ) = @_;
    return $self->_call( POST => '/execute/sync', { script => $script, args => \@arguments } );
}

# Presses a key: a character, or "\x{E004}" and the like (WebDriver, 17.4.2).
sub press {
    my ( $self, $key ) = @_;
    my @strokes = map { { type => $_, value => $key } } qw(keyDown keyUp);
    $self->_call(
        POST => '/actions',
        { actions => [ { type => 'key', id => 'keyboard', actions => \@strokes } ] }
    );
    return;
}

# What the console has been told since the last call, errors and warnings among it.
sub console {
    my ($self) = @_;
    my $entries = $self->_call( POST => '/se/log', { type => 'browser' } );
    return map { "$_->{level}: $_->{message}" } @$entries;
}

# The URLs that pages have asked for since the last call, the browser's own left out.
sub requests {
    my ($self) = @_;
    my @urls;
    for my $entry ( @{ $self->_call( POST => '/se/log', { type => 'performance' } ) } ) {
        my $message = $json->decode( $entry->{message} )->{message};
        push @urls, $message->{params}{request}{url}
            if $message->{method} eq 'Network.requestWillBeSent';
    }
    return grep { !/^(?:data|chrome):/ } @urls;
}

# A picture of the page's upper part, that high in CSS pixels, into a file.
sub picture {
    my ( $self, $path, $height ) = @_;
    my $width   = $self->run('return innerWidth');
    my $picture = $self->_devtools(
        'Page.captureScreenshot',
        format                => 'png',
        captureBeyondViewport => JSON::PP::true,
        clip                  => { x => 0, y => 0, width => $width, height => $height, scale => 1 },
    );
    CORE::open my $file, '>:raw', $path or die "$path: $!";
    print {$file} decode_base64( $picture->{data} );
    close $file or die "$path: $!";
    return;
}

# Ends browser and driver.
sub stop {
    my ($self) = @_;
    eval { $self->_call( DELETE => '' ) };
    return $self->{t}->stop('chromedriver');
}

1;
