//! The feed by RFC 4287: an entry for each warning, its id that of the latest message, from the newest.

use std::fmt::Write as _;

use model::{Site, Time, WarningTransition};
use warning::{Message, Warning};

use super::message::headlines;

/// Unique for ever and everywhere; where it is fetched from may change.
const FEED_ID: &str = "urn:davy:cap";

/// One message.
pub(super) struct Entry {
    message: String,
    warning: String,
    title: String,
    summary: String,
    pub(super) updated: Time,
    published: Time,
    colour: &'static str,
    over: bool,
}

impl Entry {
    pub(super) fn of(warning: &Warning, last: &Message, site: &Site) -> Self {
        let (title, summary) = headlines(warning, last, site);
        Self {
            message: last.event.to_string(),
            warning: warning.id.to_string(),
            title,
            summary,
            updated: last.at,
            published: warning.opened_at,
            colour: warning.colour.as_str(),
            over: matches!(last.transition, WarningTransition::Closed | WarningTransition::Cancelled),
        }
    }

    fn write(&self, out: &mut String) {
        let Self { message, warning, title, summary, updated, published, colour, over } = self;
        let (title, summary) = (escaped(title), escaped(summary));
        let (updated, published) = (wire::format_time(*updated), wire::format_time(*published));
        let state = if *over { "over" } else { "in_force" };
        let written = write!(
            out,
            "  <entry>\n    <id>urn:davy:cap:{message}</id>\n    <title xml:lang=\"zh-CN\">{title}</title>\n    \
             <updated>{updated}</updated>\n    <published>{published}</published>\n    \
             <link rel=\"alternate\" type=\"application/cap+xml\" href=\"/cap/{warning}\"/>\n    \
             <category scheme=\"urn:davy:colour\" term=\"{colour}\"/>\n    <category scheme=\"urn:davy:state\" term=\"{state}\"/>\n    \
             <summary xml:lang=\"en\">{summary}</summary>\n  </entry>\n"
        );
        written.expect("a string takes all");
    }
}

/// The feed; of nothing it is as old as time.
pub(super) fn feed(entries: &[Entry]) -> String {
    let updated = wire::format_time(entries.first().map_or(Time::from_micros(0), |it| it.updated));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n  <id>{FEED_ID}</id>\n  \
         <title>Davy: warnings (预警)</title>\n  <updated>{updated}</updated>\n  <author><name>Davy</name></author>\n  \
         <link rel=\"self\" type=\"application/atom+xml\" href=\"/cap\"/>\n"
    );
    entries.iter().for_each(|entry| entry.write(&mut out));
    out.push_str("</feed>\n");
    out
}

/// Text of XML; what XML cannot carry is a blank.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            it if it.is_control() => out.push(' '),
            it => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_cannot_leave_its_element() {
        assert_eq!(escaped("a<b>&\"c\u{1b}\n\u{ffff}"), "a&lt;b&gt;&amp;&quot;c   ");
    }

    #[test]
    fn an_empty_feed_is_a_feed() {
        let feed = feed(&[]);
        assert!(feed.contains("<updated>1970-01-01T00:00:00.000000Z</updated>") && feed.ends_with("</feed>\n"), "{feed}");
    }
}
