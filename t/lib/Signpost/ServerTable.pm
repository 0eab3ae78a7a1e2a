# SPDX-License-Identifier: Apache-2.0
#
# The table of web servers in README.md: a line for each way of Signpost::Shipped, a
# column for each of @columns. Tests say what they have measured, and README must say the
# same; where SIGNPOST_TABLE names a file, that is noted there instead, for
# t/web-servers-table, which writes the table.
package Signpost::ServerTable;

use strict;
use warnings;

use Exporter 'import';
use Test::More ();

our @EXPORT_OK = qw(measured read_table format_table);

my $title   = 'behind';
my @columns = (
    'redirect',
    'HEAD',
    'query',
    'encoded input',
    'kept connections',
    'restart without loss',
    'error log'
);

# A test: what was measured is what README says.
sub measured {
    my ( $t, $way, $column, $value ) = @_;
    die "\"$column\" is no column" if !grep { $_ eq $column } @columns;
    if ( my $file = $ENV{SIGNPOST_TABLE} ) {
        open my $out, '>>', $file or die "$file: $!";
        print {$out} "$way\t$column\t$value\n";
        return Test::More::pass("$column: $value");
    }
    my $table = read_table( $t->slurp( $t->source('README.md') ) );
    return Test::More::is( $value, $table->{$way}{$column}, "$column: as README.md has it" );
}

# What the text's table says: { way => { column => value } }.
sub read_table {
    my ($text) = @_;
    my %table;
    for my $line ( _lines($text) ) {
        my ( $way, @values ) = map { s/^\s+|\s+$//gr } ( split /\|/, $line )[ 1 .. @columns + 1 ];
        @{ $table{$way} }{@columns} = @values;
    }
    return \%table;
}

sub _lines {
    my ($text)  = @_;
    my ($table) = $text =~ /^(\| \Q$title\E \|.*?\n(?:\|.*\n)*)/m or return;
    my @lines   = split /\n/, $table;
    return @lines[ 2 .. $#lines ];
}

# The same as lines of Markdown, the ways in this order.
sub format_table {
    my ( $table, @ways ) = @_;
    my @lines = ( [ $title, @columns ], [ ('---') x ( @columns + 1 ) ] );
    push @lines, map {
        my $way = $_;
        [ $way, map { $table->{$way}{$_} // '' } @columns ]
    } @ways;
    return join '', map { '| ' . join( ' | ', @$_ ) . " |\n" } @lines;
}

1;
