//! The directives: one table for names, types, defaults, ranges, manual and parsing.

use super::apply::{self, Kind, Kind::*};
use super::{Change, Directive, Settings, named, rules, secret};
use crate::value::UserKind::{Anonymous, Login, Remembered};
use std::ffi::CStr;

/// The default of each profile, in the order of [`super::Profile`].
type Defaults = [&'static CStr; 4];

const fn all(text: &'static CStr) -> Defaults {
    [text; 4]
}

/// PHP's old default, and the one that profile `libsess` and PHP 8.6 have instead.
const fn since_86(new: &'static CStr, old: &'static CStr) -> Defaults {
    [new, old, new, old]
}

/// Our default, and that of PHP's profiles.
const fn ours(ours: &'static CStr, php: &'static CStr) -> Defaults {
    [ours, php, php, php]
}

const fn row(
    name: &'static CStr,
    change: Change,
    defaults: Defaults,
    kind: Kind,
    manual: &'static CStr,
) -> Directive {
    Directive {
        name,
        kind: kind.name(),
        manual,
        change,
        defaults,
        parse: kind,
    }
}

use Change::{Engine, Session};

#[rustfmt::skip]
pub(super) static TABLE: &[Directive] = &[
    row(c"sess.profile", Engine, [c"libsess", c"php82", c"php86", c"php5"], Custom(c"choice", apply::profile),
        c"Whose defaults and call order apply: libsess, php82, php86 or php5."),
    // N-10 to N-34
    row(c"session.save_handler", Session, all(c"files"), Custom(c"choice", apply::save_handler),
        c"The built-in storage: files or memory."),
    row(c"session.save_path", Session, all(c""), Text(|s| &mut s.save_path, apply::any),
        c"Given to open; files: DIR, N;DIR or N;MODE;DIR. Empty: the temporary directory."),
    row(c"session.name", Session, all(c"PHPSESSID"), Text(|s| &mut s.name, apply::session_name),
        c"The name of the session and its cookie; not empty, not a number."),
    row(c"session.auto_start", Engine, all(c"0"), Bool(|s| &mut s.auto_start),
        c"Whether the beginning of a request starts the session."),
    row(c"session.gc_probability", Session, all(c"1"), Int(0, i64::MAX, |s| &mut s.gc_probability),
        c"A start collects with the chance gc_probability / gc_divisor; 0: never."),
    row(c"session.gc_divisor", Session, all(c"100"), Int(1, i64::MAX, |s| &mut s.gc_divisor),
        c"See session.gc_probability."),
    row(c"session.gc_maxlifetime", Session, all(c"1440"), Int(0, i64::MAX, |s| &mut s.gc_maxlifetime),
        c"Seconds after which an unused session is collected; raised to the largest sess.*.idle unless set."),
    row(c"session.serialize_handler", Session, all(c"php"), Custom(c"choice", apply::format),
        c"How data is stored: php, php_binary or php_serialize. Not to be changed on a live store."),
    row(c"session.cookie_lifetime", Session, all(c"0"), Custom(c"int", apply::cookie_lifetime),
        c"Seconds the cookie lives in the browser; 0: until it is closed."),
    row(c"session.cookie_path", Session, all(c"/"), Text(|s| &mut s.cookie_path, apply::cookie_path),
        c"The cookie's path; empty: the attribute is left out."),
    row(c"session.cookie_domain", Session, all(c""), Text(|s| &mut s.cookie_domain, apply::cookie_domain),
        c"The cookie's domain; empty: the host that sent it."),
    row(c"session.cookie_secure", Session, all(c"0"), Bool(|s| &mut s.cookie_secure),
        c"Whether the cookie goes over https only; see sess.cookie_secure for profile libsess."),
    row(c"session.cookie_httponly", Session, since_86(c"1", c"0"), Bool(|s| &mut s.cookie_httponly),
        c"Whether scripts in the page cannot read the cookie."),
    row(c"session.cookie_samesite", Session, since_86(c"Lax", c""), Custom(c"choice", apply::cookie_samesite),
        c"Strict, Lax or None; empty: Lax in profile libsess, left out in the others."),
    row(c"session.cookie_partitioned", Session, all(c"0"), Bool(|s| &mut s.cookie_partitioned),
        c"Whether the cookie is kept apart by top-level site (CHIPS); needs cookie_secure."),
    row(c"session.use_cookies", Session, all(c"1"), Bool(|s| &mut s.use_cookies),
        c"Whether the id is taken from the request's cookie and sent as one."),
    row(c"session.use_strict_mode", Session, since_86(c"1", c"0"), Bool(|s| &mut s.use_strict_mode),
        c"Whether an unknown id from a client is replaced by a new one."),
    row(c"session.cache_limiter", Session, all(c"nocache"), Text(|s| &mut s.cache_limiter, apply::cache_limiter),
        c"Caching headers to send: nocache, public, private, private_no_expire; empty: none."),
    row(c"session.cache_expire", Session, all(c"180"), Int(0, i64::MAX / 60, |s| &mut s.cache_expire),
        c"Minutes that public and private pages may be cached."),
    row(c"session.sid_length", Session, all(c"32"), Exact(22, 256, |s| &mut s.sid_length),
        c"Characters of a new id, 22 to 256; profile libsess wants 128 bits in all."),
    row(c"session.sid_bits_per_character", Session, all(c"4"), Exact(4, 6, |s| &mut s.sid_bits_per_character),
        c"Bits in each character of a new id: 4 (0-9a-f), 5 (0-9a-v) or 6 (0-9a-zA-Z,-)."),
    row(c"session.lazy_write", Session, [c"1", c"1", c"1", c"0"], Bool(|s| &mut s.lazy_write),
        c"Whether unchanged data is only touched, not written."),
    // Not built: accepted where they change nothing, so that a stock php.ini loads.
    row(c"session.use_only_cookies", Session, all(c"1"), Fixed(apply::must_be_on),
        c"Always on: ids are taken from cookies only."),
    row(c"session.use_trans_sid", Session, all(c"0"), Fixed(apply::must_be_off),
        c"Always off: ids are never written into pages."),
    row(c"session.referer_check", Session, all(c""), Fixed(apply::must_be_empty),
        c"Always empty: the Referer header proves nothing."),
    row(c"session.trans_sid_tags", Session, all(c"a=href,area=href,frame=src,form="), Ignored,
        c"Without effect: see session.use_trans_sid."),
    row(c"session.trans_sid_hosts", Session, all(c""), Ignored,
        c"Without effect: see session.use_trans_sid."),
    row(c"url_rewriter.tags", Session, all(c"form="), Ignored,
        c"Without effect: see session.use_trans_sid."),
    row(c"url_rewriter.hosts", Session, all(c""), Ignored,
        c"Without effect: see session.use_trans_sid."),
    row(c"session.upload_progress.enabled", Engine, all(c"0"), Fixed(apply::must_be_off),
        c"Always off: uploads are not tracked."),
    row(c"session.upload_progress.cleanup", Engine, all(c"1"), Ignored,
        c"Without effect: see session.upload_progress.enabled."),
    row(c"session.upload_progress.prefix", Engine, all(c"upload_progress_"), Ignored,
        c"Without effect: see session.upload_progress.enabled."),
    row(c"session.upload_progress.name", Engine, all(c"PHP_SESSION_UPLOAD_PROGRESS"), Ignored,
        c"Without effect: see session.upload_progress.enabled."),
    row(c"session.upload_progress.freq", Engine, all(c"1%"), Ignored,
        c"Without effect: see session.upload_progress.enabled."),
    row(c"session.upload_progress.min_freq", Engine, all(c"1"), Ignored,
        c"Without effect: see session.upload_progress.enabled."),
    // N-39
    row(c"session.hash_function", Session, all(c""), Removed, c"Removed from PHP 7.1; ignored."),
    row(c"session.hash_bits_per_character", Session, all(c""), Removed, c"Removed from PHP 7.1; ignored."),
    row(c"session.entropy_file", Session, all(c""), Removed, c"Removed from PHP 7.1; ignored."),
    row(c"session.entropy_length", Session, all(c""), Removed, c"Removed from PHP 7.1; ignored."),
    row(c"session.bug_compat_42", Session, all(c""), Removed, c"Removed from PHP 5.4; ignored."),
    row(c"session.bug_compat_warn", Session, all(c""), Removed, c"Removed from PHP 5.4; ignored."),
    // N-38: others that PHP's sessions obey
    row(c"serialize_precision", Session, all(c"-1"), Fixed(apply::must_be_minus_one),
        c"Always -1: floats are written with the fewest digits that give them back."),
    row(c"unserialize_max_depth", Session, all(c"4096"), Custom(c"int", apply::unserialize_max_depth),
        c"As sess.max_depth, which wins; 0: no limit."),
    row(c"sys_temp_dir", Engine, all(c""), Text(|s| &mut s.sys_temp_dir, apply::any),
        c"The directory for an empty session.save_path; empty: $TMPDIR, else /tmp."),
    // Our own
    row(c"sess.create", Session, ours(c"write", c"start"), Custom(c"choice", apply::create),
        c"When the record of a new session is made: start, write (with the first value set), second_request (when the \
client sends the cookie back; needs sess.secret) or never."),
    row(c"sess.lock_timeout_ms", Session, ours(c"30000", c"-1"), Int(-1, i32::MAX as i64, |s| &mut s.lock_timeout_ms),
        c"Milliseconds a start waits for the lock; 0: tries once, -1: for ever."),
    row(c"sess.save_timeout_ms", Engine, all(c"10000"), Int(-1, i32::MAX as i64, |s| &mut s.save_timeout_ms),
        c"Milliseconds that callbacks in Go have to save, whatever became of the request; -1: for ever."),
    row(c"sess.max_waiters", Engine, ours(c"1000", c"0"), Small(0, |s| &mut s.max_waiters),
        c"Sessions that may wait for one id's lock at once; one more is refused. 0: no limit."),
    row(c"sess.max_lock_threads", Engine, all(c"64"), Small(0, |s| &mut s.max_lock_threads),
        c"Threads that may wait for locks at once; beyond that waits poll."),
    row(c"sess.max_data_bytes", Session, ours(c"64M", c"4G"), Size(|s| &mut s.max_data_bytes),
        c"Bytes of the largest payload that is read or written."),
    row(c"sess.max_depth", Session, all(c"4096"), Small(1, |s| &mut s.max_depth),
        c"Arrays and objects in one another that are read or written; PHP reads 4096."),
    row(c"sess.mmap_threshold", Session, all(c"8M"), Size(|s| &mut s.mmap_threshold),
        c"Payloads from this size up are mapped by raw starts instead of copied."),
    row(c"sess.journal", Engine, all(c"1"), Bool(|s| &mut s.journal),
        c"Whether a process that is killed while it writes leaves the old or the new session, never a mixture."),
    row(c"sess.journal_path", Engine, all(c""), Text(|s| &mut s.journal_path, apply::absolute_path),
        c"The directory of the journal; empty: that of the sessions."),
    row(c"sess.durability", Session, all(c"process"), Custom(c"choice", apply::durability),
        c"What a write survives: process (a kill), or power (its loss, too), which waits for the disk."),
    row(c"sess.gc_quarantine", Engine, all(c""), Text(|s| &mut s.gc_quarantine, apply::absolute_path),
        c"Where gc moves expired sessions that cannot be decoded, on their file system; empty: it deletes them."),
    row(c"sess.network_fs", Engine, all(c"0"), Bool(|s| &mut s.network_fs),
        c"Whether sessions may lie on a network file system; without mapping and journal then."),
    // The policy, in profile libsess only
    row(c"sess.policy", Engine, all(c""), Custom(c"choice", named::apply_policy),
        c"Defaults by name: moin (MoinMoin's, needs sess.secret) or dokuwiki; what is set itself wins."),
    row(c"sess.moin_lifetime", Engine, all(c""), Custom(c"string", named::apply_moin_lifetime),
        c"MoinMoin's (A, L): hours of anonymous and of login sessions and their cookies; 0: there are none, \
L > 0: remembered ones 400 days, L < 0: -L hours, never remembered."),
    row(c"sess.anon.idle", Engine, all(c"0"), Int(0, rules::TEN_YEARS, |s| &mut s.policy.kinds[Anonymous as usize].idle),
        c"Seconds without use after which anonymous sessions end when next read; 0: never."),
    row(c"sess.anon.absolute", Engine, all(c"0"), Int(0, rules::TEN_YEARS, |s| &mut s.policy.kinds[Anonymous as usize].absolute),
        c"Seconds after which anonymous sessions end, whatever the use; 0: never."),
    row(c"sess.anon.rotate", Engine, all(c"0"), Custom(c"int", |s, g| rules::rotate(s, g, Anonymous)),
        c"Seconds after which anonymous sessions get a new id, 60 or more; 0: never."),
    row(c"sess.anon.cookie", Session, all(c"ini"), Custom(c"string", |s, g| rules::cookie_life(s, g, Anonymous)),
        c"How long the cookie of anonymous sessions lives: ini (session.cookie_lifetime), browser, idle (that clock), or seconds."),
    row(c"sess.login.idle", Engine, all(c"0"), Int(0, rules::TEN_YEARS, |s| &mut s.policy.kinds[Login as usize].idle),
        c"Seconds without use after which logins end when next read; 0: never."),
    row(c"sess.login.absolute", Engine, all(c"0"), Int(0, rules::TEN_YEARS, |s| &mut s.policy.kinds[Login as usize].absolute),
        c"Seconds after which logins end, whatever the use; 0: never."),
    row(c"sess.login.rotate", Engine, all(c"0"), Custom(c"int", |s, g| rules::rotate(s, g, Login)),
        c"Seconds after which logins get a new id, 60 or more; 0: never."),
    row(c"sess.login.cookie", Session, all(c"ini"), Custom(c"string", |s, g| rules::cookie_life(s, g, Login)),
        c"How long the cookie of logins lives: ini (session.cookie_lifetime), browser, idle (that clock), or seconds."),
    row(c"sess.remember.idle", Engine, all(c"0"), Int(0, rules::TEN_YEARS, |s| &mut s.policy.kinds[Remembered as usize].idle),
        c"Seconds without use after which logins to be remembered end when next read; 0: never."),
    row(c"sess.remember.absolute", Engine, all(c"0"), Int(0, rules::TEN_YEARS, |s| &mut s.policy.kinds[Remembered as usize].absolute),
        c"Seconds after which logins to be remembered end, whatever the use; 0: never."),
    row(c"sess.remember.rotate", Engine, all(c"0"), Custom(c"int", |s, g| rules::rotate(s, g, Remembered)),
        c"Seconds after which logins to be remembered get a new id, 60 or more; 0: never."),
    row(c"sess.remember.cookie", Session, all(c"ini"), Custom(c"string", |s, g| rules::cookie_life(s, g, Remembered)),
        c"How long the cookie of logins to be remembered lives: ini (session.cookie_lifetime), browser, idle (that clock), or seconds."),
    row(c"sess.rotate_grace", Engine, all(c"30"), Int(0, 300, |s| &mut s.policy.rotate_grace),
        c"Seconds that an id leads to its session after sess.*.rotate has replaced it, or to an empty one after a login."),
    row(c"sess.user_key", Engine, all(c""), Text(|s| &mut s.policy.user_key, apply::any),
        c"The application's own top-level key of a login: sessions that have it are logins, its value is the user."),
    row(c"sess.meta_key", Engine, ours(c"_libsess", c""), Text(|s| &mut s.policy.meta_key, apply::any),
        c"The top-level key of what logins, tokens and clocks keep in a session; empty: there are none of these."),
    row(c"sess.touch_step", Engine, all(c"0"), Int(0, 3600, |s| &mut s.policy.touch_step),
        c"An unchanged session is touched only when it was last touched longer ago than these seconds."),
    row(c"sess.secret", Engine, all(c""), Custom(c"string", secret::apply),
        c"For sess.create second_request: hex: and 64 or more digits, or file:/PATH, with such digits a line (the \
first makes ids, all are accepted) and a mode of 0640 or less; read when the engine is made."),
    row(c"sess.cookie_name", Session, all(c"literal"), Custom(c"choice", rules::cookie_name),
        c"literal: session.name; auto: sess.cookie_name_prefix, port, _ROOT and the path of sess_set_request; \
site: the prefix and sess.site_id."),
    row(c"sess.cookie_name_prefix", Session, all(c"MOIN_SESSION_"), Text(|s| &mut s.policy.cookie_name_prefix, rules::token),
        c"See sess.cookie_name."),
    row(c"sess.site_id", Session, all(c""), Text(|s| &mut s.policy.site_id, rules::token),
        c"See sess.cookie_name."),
    row(c"sess.cookie_secure", Session, ours(c"auto", c"ini"), Custom(c"choice", rules::cookie_secure),
        c"Whether the cookie goes over https only: on, off, ini (session.cookie_secure, also if only that is set), \
or auto: as the scheme of sess_set_request, on without it."),
    row(c"sess.cookie_rolling", Session, all(c"0"), Bool(|s| &mut s.policy.cookie_rolling),
        c"Whether every start sends the cookie again, so that its life begins anew."),
    row(c"sess.cookie_max_age_limit", Session, ours(c"34560000", c"0"), Int(0, rules::TEN_YEARS, |s| &mut s.policy.cookie_max_age_limit),
        c"Seconds of the longest life of a cookie; browsers cut at 400 days. 0: no limit."),
    row(c"sess.vary", Session, all(c"0"), Bool(|s| &mut s.policy.vary),
        c"Whether every start adds Vary: Cookie, for pages that caches may keep."),
];

/// The directive of that name and its place in the table.
pub(super) fn find(name: &str) -> Option<(usize, &'static Directive)> {
    TABLE
        .iter()
        .enumerate()
        .find(|(_, directive)| directive.name.to_bytes() == name.as_bytes())
}

/// Whether a directive was set: its default is not in force.
pub(super) fn is_explicit(settings: &Settings, name: &str) -> bool {
    find(name).is_some_and(|(index, _)| settings.explicit[index].is_some())
}
