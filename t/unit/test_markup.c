/* SPDX-License-Identifier: Apache-2.0 */
/* Text in HTML and XML stays text. */
#include "status/markup.h"

#include "tap.h"

#define FFFD "\xef\xbf\xbd"

static const char *marked(const char *text, size_t len)
{
    static char buffer[512];
    FILE *out = fmemopen(buffer, sizeof buffer, "w");

    markup_slice(out, (struct slice){text, len});
    fputc(0, out);
    fclose(out);
    return buffer;
}

#define MARKED(literal) marked(literal, sizeof literal - 1)

int main(void)
{
    is(MARKED("plain, with Ümlaut, 北京 and 🧭"), "plain, with Ümlaut, 北京 and 🧭",
       "text");
    is(MARKED("<script>alert(\"1\" & '2')</script>"),
       "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;",
       "what means something");
    is(MARKED("]]> <!-- &amp;"), "]]&gt; &lt;!-- &amp;amp;", "ends of sections, entities");
    is(MARKED("a\0b\x1b[31m\x7f\r\n\t"), "a" FFFD "b" FFFD "[31m" FFFD FFFD "\n\t", "controls");
    is(MARKED("\xc2\x85 \xef\xbf\xbe \xef\xbf\xbf \xef\xbf\xbd"),
       FFFD FFFD " " FFFD FFFD FFFD " " FFFD FFFD FFFD " " FFFD, "what is no character of XML");
    is(MARKED("\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80"),
       FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD, "broken UTF-8: 5C, surrogates, too high");
    is(MARKED("\xe0\x80\xbc\xf0\x80\x80\xbc"), FFFD FFFD FFFD FFFD FFFD FFFD FFFD,
       "a longer form of <");
    is(MARKED("\xe5\x8c<b>"), FFFD FFFD "&lt;b&gt;", "a character cut short hides nothing");
    is(MARKED("end\xe5\x8c"), "end" FFFD FFFD, "nor at the end");
    is(MARKED(""), "", "nothing");
    return done_testing();
}
