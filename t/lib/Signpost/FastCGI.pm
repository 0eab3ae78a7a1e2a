# SPDX-License-Identifier: Apache-2.0
#
# The web server's side of FastCGI 1.0, well-behaved or not, on a socket.
#
#     my $c = Signpost::FastCGI->new('/run/socket');    # or HOST:PORT
#     $c->send( request( { REQUEST_METHOD => 'GET' }, keep => 1 ) );
#     my $answer = $c->answer;    # { out, status, location, end, closed }
package Signpost::FastCGI;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(record begin pairs request variables
    BEGIN_REQUEST ABORT_REQUEST END_REQUEST PARAMS STDIN_RECORD STDOUT_RECORD DATA GET_VALUES
    GET_VALUES_RESULT UNKNOWN_TYPE);

use constant {
    BEGIN_REQUEST     => 1,
    ABORT_REQUEST     => 2,
    END_REQUEST       => 3,
    PARAMS            => 4,
    STDIN_RECORD      => 5,
    STDOUT_RECORD     => 6,
    DATA              => 8,
    GET_VALUES        => 9,
    GET_VALUES_RESULT => 10,
    UNKNOWN_TYPE      => 11,
};

# One record.
sub record {
    my ( $type, $id, $content, $padding ) = @_;
    $content //= '';
    $padding //= 0;
    return pack( 'CCnnCx', 1, $type, $id, length $content, $padding ) . $content . "\0" x $padding;
}

sub begin {
    my ( $role, $keep, $id ) = @_;
    return record( BEGIN_REQUEST, $id // 1, pack 'nCx5', $role, $keep ? 1 : 0 );
}

sub _length {
    my ($n) = @_;
    return $n < 128 ? chr $n : pack 'N', $n | 0x80000000;
}

# Name-value pairs, from a list of names and values.
sub pairs {
    my (@list) = @_;
    my $bytes = '';
    while ( my ( $name, $value ) = splice @list, 0, 2 ) {
        $bytes .= _length( length $name ) . _length( length $value ) . $name . $value;
    }
    return $bytes;
}

# The variables of a GET for a target.
sub variables {
    my ( $target, %more ) = @_;
    return {
        REQUEST_METHOD  => 'GET',
        REQUEST_URI     => $target,
        REMOTE_ADDR     => '127.0.0.1',
        SERVER_PROTOCOL => 'HTTP/1.1',
        %more
    };
}

# A whole request. Options: keep, body, id.
sub request {
    my ( $variables, %option ) = @_;
    my $id   = $option{id} || 1;
    my $all  = pairs( map { $_ => $variables->{$_} } sort keys %$variables );
    my $body = $option{body} // '';
    return join '', begin( 1, $option{keep}, $id ),
        ( map { record( PARAMS, $id, $_ ) } unpack '(a65535)*', $all ), record( PARAMS, $id ),
        ( map { record( STDIN_RECORD, $id, $_ ) } unpack '(a65535)*', $body ),
        record( STDIN_RECORD, $id );
}

# Connects to a socket's path or to HOST:PORT.
sub new {
    my ( $class, $where ) = @_;
    my $socket =
        $where =~ m{/}
        ? IO::Socket::UNIX->new( Peer     => $where )
        : IO::Socket::INET->new( PeerAddr => $where );
    return if !$socket;
    binmode $socket;
    return bless { socket => $socket, bytes => '' }, $class;
}

# Sends all of it; false if the other side has closed.
sub send {
    my ( $self, $bytes ) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while ( length $bytes ) {
        my $n = syswrite( $self->{socket}, $bytes ) // return 0;
        substr $bytes, 0, $n, '';
    }
    return 1;
}

sub half_close { return shutdown $_[0]{socket}, 1 }
sub close      { return CORE::close $_[0]{socket} }
sub handle     { return $_[0]{socket} }

# Reads more bytes: 1, 0 at the end of the connection, undef when none come in time.
sub _more {
    my ( $self, $end ) = @_;
    my $select = IO::Select->new( $self->{socket} );
    my $left   = 0;
    while ( !$select->can_read($left) ) {    # a signal may have come, too
        $left = $end - time;
        return undef if $left <= 0;
    }
    return sysread( $self->{socket}, $self->{bytes}, 65536, length $self->{bytes} ) ? 1 : 0;
}

# The next record that comes, { type, id, content }; or { closed => 1 }; or undef
# when neither has come after so many seconds (default 10).
sub next_record {
    my ( $self, $seconds ) = @_;
    my $end = time + ( $seconds // 10 );
    while (1) {
        if ( length $self->{bytes} >= 8 ) {
            my ( $version, $type, $id, $length, $padding ) = unpack 'CCnnC', $self->{bytes};
            if ( length $self->{bytes} >= 8 + $length + $padding ) {
                my $record = substr $self->{bytes}, 0, 8 + $length + $padding, '';
                return {
                    version => $version,
                    type    => $type,
                    id      => $id,
                    content => substr $record,
                    8, $length
                };
            }
        }
        my $more = $self->_more($end);
        return undef           if !defined $more;
        return { closed => 1 } if !$more;
    }
}

# The answer to a request: { out, status, location, end => protocol status } or
# { closed => 1, out } if the connection ended before it was whole; undef if
# neither happens in time.
sub answer {
    my ( $self, $seconds ) = @_;
    my $out = '';
    while ( my $record = $self->next_record($seconds) ) {
        return { closed => 1, out => $out } if $record->{closed};
        $out .= $record->{content}          if $record->{type} == STDOUT_RECORD;
        next                                if $record->{type} != END_REQUEST;
        my ($status)   = $out =~ /^Status: (\d+)/m;
        my ($location) = $out =~ /^Location: (\S+)/m;
        return {
            out      => $out,
            status   => $status,
            location => $location,
            end      => ( unpack 'NC', $record->{content} )[1]
        };
    }
    return undef;
}

# Whether the other side closes within so many seconds, with nothing before that.
sub is_closed {
    my ( $self, $seconds ) = @_;
    my $record = $self->next_record($seconds);
    return $record && $record->{closed};
}

1;
