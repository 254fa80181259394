//! The five set-ups of MoinMoin's page on sessions, with a real browser's cookie rules, and what goes wrong in each.

use crate::farm::{Browser, Server, wiki};

const AUTO: (&str, &str) = ("sess.cookie_name", "auto");
const SITE: (&str, &str) = ("sess.cookie_name", "site");

/// A single wiki: one cookie for the whole host, whose name says where the wiki is.
#[test]
fn m_2_a_single_wiki() {
    // shows: M1, M5
    let server = Server::new(vec![wiki("wiki.test", "/wiki", &[AUTO])]);
    let browser = Browser::new();
    for visits in 1..=3 {
        assert_eq!(
            browser.visit(&server, "wiki.test", "/wiki/FrontPage"),
            visits
        );
    }
    let name = format!("MOIN_SESSION_{}_ROOT_wiki", server.port);
    assert_eq!(browser.cookies(), [["wiki.test".into(), "/".into(), name]]);
    assert_eq!(Browser::new().visit(&server, "wiki.test", "/wiki"), 1);
}

/// Several wikis under one domain, each with sessions of its own.
#[test]
fn m_3_several_wikis_under_one_domain() {
    let domain = ("session.cookie_domain", "farm.test");
    let of_site = |site| [SITE, domain, ("sess.site_id", site)];
    let server = Server::new(vec![
        wiki("a.farm.test", "", &of_site("alpha")),
        wiki("b.farm.test", "", &of_site("beta")),
    ]);
    let browser = Browser::new();
    for visits in 1..=2 {
        assert_eq!(browser.visit(&server, "a.farm.test", "/"), visits);
        assert_eq!(browser.visit(&server, "b.farm.test", "/"), visits);
    }
    assert_eq!(browser.names(), ["MOIN_SESSION_alpha", "MOIN_SESSION_beta"]);
}

/// The clash that the page warns of: a site id is unique only within one farm's configuration.
#[test]
fn m_3_wikis_with_one_site_id_throw_each_other_s_users_out() {
    let clash = [
        SITE,
        ("session.cookie_domain", "farm.test"),
        ("sess.site_id", "wiki"),
    ];
    let server = Server::new(vec![
        wiki("a.farm.test", "", &clash),
        wiki("b.farm.test", "", &clash),
    ]);
    let browser = Browser::new();
    for _ in 0..2 {
        assert_eq!(browser.visit(&server, "a.farm.test", "/"), 1);
        assert_eq!(browser.visit(&server, "b.farm.test", "/"), 1);
    }
    assert_eq!(browser.names(), ["MOIN_SESSION_wiki"]);
}

/// Who gives several wikis the same name, domain and store shares their sessions (M22).
#[test]
fn m_4_wikis_that_share_their_sessions() {
    let store = std::env::temp_dir().join(format!("sess-shared-{}", std::process::id()));
    std::fs::create_dir_all(&store).unwrap();
    let shared = [
        ("session.save_handler", "files"),
        ("session.save_path", store.to_str().unwrap()),
        ("session.name", "SHARED"),
        ("session.cookie_domain", "farm.test"),
    ];
    let server = Server::new(vec![
        wiki("a.farm.test", "", &shared),
        wiki("b.farm.test", "", &shared),
    ]);
    let browser = Browser::new();
    let visits = ["a", "b", "a", "b"].map(|wiki| {
        let host = format!("{wiki}.farm.test");
        browser.visit(&server, &host, "/")
    });
    assert_eq!(visits, [1, 2, 3, 4]);
    assert_eq!(browser.names(), ["SHARED"]);
    drop(server);
    std::fs::remove_dir_all(&store).unwrap();
}

/// A farm by hosts: without a domain each cookie stays with its host, whatever it is called.
#[test]
fn m_5_a_farm_by_hosts() {
    let server = Server::new(vec![
        wiki("a.farm.test", "", &[]),
        wiki("b.farm.test", "", &[]),
    ]);
    let browser = Browser::new();
    for visits in 1..=2 {
        assert_eq!(browser.visit(&server, "a.farm.test", "/"), visits);
        assert_eq!(browser.visit(&server, "b.farm.test", "/"), visits);
    }
    let of_host = |host: &str| [host.to_owned(), "/".into(), "PHPSESSID".into()];
    assert_eq!(
        browser.cookies(),
        ["a.farm.test", "b.farm.test"].map(of_host)
    );
}

/// A farm by paths, one below the other: the name keeps the cookies apart under one path.
#[test]
fn m_2_a_farm_by_paths() {
    let places = ["", "/wiki", "/wiki/inner"];
    let server = Server::new(places.map(|place| wiki("farm.test", place, &[AUTO])).into());
    let browser = Browser::new();
    for visits in 1..=2 {
        for path in ["/", "/wiki/Page", "/wiki/inner"] {
            assert_eq!(browser.visit(&server, "farm.test", path), visits, "{path}");
        }
    }
    let names = ["", "_wiki", "_wiki_inner"];
    let names = names.map(|place| format!("MOIN_SESSION_{}_ROOT{place}", server.port));
    assert_eq!(browser.names(), names);

    let clash = Server::new(places.map(|place| wiki("farm.test", place, &[])).into());
    for path in ["/", "/wiki", "/", "/wiki"] {
        assert_eq!(browser.visit(&clash, "farm.test", path), 1, "{path}");
    }
}

/// With a path each instead, a wiki below another gets both cookies, and takes the one that is its own.
#[test]
fn c_11_a_farm_by_cookie_paths() {
    let at = |place: &'static str| {
        let path = if place.is_empty() { "/" } else { place };
        wiki("farm.test", place, &[("session.cookie_path", path)])
    };
    let server = Server::new(vec![at(""), at("/wiki")]);
    let browser = Browser::new();
    for visits in 1..=3 {
        assert_eq!(browser.visit(&server, "farm.test", "/"), visits);
        assert_eq!(browser.visit(&server, "farm.test", "/wiki"), visits);
    }
    assert_eq!(browser.names(), ["PHPSESSID", "PHPSESSID"]);
}

/// A farm by ports: cookies know no ports, so the name has to.
#[test]
fn m_2_a_farm_by_ports() {
    let farm = |set: &[(&str, &str)]| [0, 1].map(|_| Server::new(vec![wiki("farm.test", "", set)]));
    let browser = Browser::new();
    let servers = farm(&[AUTO]);
    for visits in 1..=2 {
        for server in &servers {
            assert_eq!(browser.visit(server, "farm.test", "/"), visits);
        }
    }
    let mut names = servers.map(|server| format!("MOIN_SESSION_{}_ROOT", server.port));
    names.sort();
    assert_eq!(browser.names(), names);

    let browser = Browser::new();
    let clash = farm(&[]);
    for server in [&clash[0], &clash[1], &clash[0], &clash[1]] {
        assert_eq!(browser.visit(server, "farm.test", "/"), 1);
    }
}
