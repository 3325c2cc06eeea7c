//! Who is found, whatever a client writes to the left of what proxies wrote.

use super::{Header, Proxies, Said, cut, node};
use proptest::prelude::*;
use std::net::IpAddr;

fn proxies(networks: &[&str]) -> Proxies {
    Proxies::new(networks.iter().copied()).expect("they are networks")
}

fn found(networks: &[&str], peer: &str, forwarded: &str, x_forwarded_for: &str) -> String {
    let said = Said { peer, forwarded, x_forwarded_for };
    proxies(networks).client(said, Header::Either).map_or("none".to_owned(), |address| address.to_string())
}

const PROXIES: &[&str] = &["10.0.0.0/8", "2001:db8:ffff::/48"];

#[test]
fn headers_count_only_when_a_trusted_proxy_brings_them() {
    for (networks, peer) in [(&[][..], "10.0.0.1"), (PROXIES, "192.0.2.9"), (&["10.0.0.1"], "10.0.0.2")] {
        assert_eq!(found(networks, peer, "for=198.51.100.1", "198.51.100.1"), peer);
    }
    assert_eq!(found(PROXIES, "::ffff:10.0.0.1", "", "198.51.100.1"), "198.51.100.1");
}

#[test]
fn the_first_address_from_the_right_that_is_no_proxy_is_the_client() {
    for (x_forwarded_for, client) in [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("6.6.6.6 ,198.51.100.1:4711,, 2001:db8:ffff::2", "198.51.100.1"),
        ("[2001:db8::5]:443", "2001:db8::5"),
        ("2001:db8::5, 10.0.0.3", "2001:db8::5"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.7, 10.0.0.8", "10.0.0.7"),
        ("", "10.0.0.1"),
        (",", "10.0.0.1"),
    ] {
        assert_eq!(found(PROXIES, "10.0.0.1", "", x_forwarded_for), client, "{x_forwarded_for}");
    }
}

#[test]
fn forwarded_is_read_as_its_rfc_has_it() {
    for (forwarded, client) in [
        ("for=198.51.100.1", "198.51.100.1"),
        ("For=\"198.51.100.1:4711\"", "198.51.100.1"),
        ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("proto=https; for=198.51.100.1 ;by=\"_a,b;\"", "198.51.100.1"),
        ("for=6.6.6.6, for=198.51.100.1;by=10.0.0.4, for=10.0.0.4", "198.51.100.1"),
        (r#"for="198.51.\100.1""#, "198.51.100.1"),
        (r#"for=198.51.100.1;ext="a\",for=6.6.6.6""#, "198.51.100.1"),
        // Hidden on purpose, missing, twice, not well formed: nobody guesses.
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden, for=10.0.0.4", "10.0.0.4"),
        ("by=10.0.0.4", "10.0.0.1"),
        ("for=6.6.6.6;for=198.51.100.1", "10.0.0.1"),
        ("for=6.6.6.6;x", "10.0.0.1"),
        ("for=6.6.6.6\"", "10.0.0.1"),
        ("for=\"6.6.6.6", "10.0.0.1"),
    ] {
        assert_eq!(found(PROXIES, "10.0.0.1", forwarded, ""), client, "{forwarded}");
    }
}

#[test]
fn headers_that_disagree_are_believed_as_far_as_they_agree() {
    for (forwarded, x_forwarded_for, client) in [
        ("for=198.51.100.1", "198.51.100.1", "198.51.100.1"),
        ("for=6.6.6.6", "198.51.100.1", "10.0.0.1"),
        ("for=6.6.6.6, for=10.0.0.4", "198.51.100.1, 10.0.0.4", "10.0.0.4"),
        ("for=10.0.0.4", "198.51.100.1, 10.0.0.4", "198.51.100.1"),
        ("for=unknown", "198.51.100.1", "10.0.0.1"),
    ] {
        assert_eq!(found(PROXIES, "10.0.0.1", forwarded, x_forwarded_for), client);
    }
    let said = Said { peer: "10.0.0.1", forwarded: "for=6.6.6.6", x_forwarded_for: "198.51.100.1" };
    let of = |header| proxies(PROXIES).client(said, header).expect("the peer has one").to_string();
    assert_eq!((of(Header::Forwarded), of(Header::XForwardedFor)), ("6.6.6.6".into(), "198.51.100.1".into()));
}

#[test]
fn a_unix_socket_has_no_address_and_is_trusted_by_name() {
    assert_eq!(found(PROXIES, "", "", "198.51.100.1"), "none");
    assert_eq!(found(&["unix"], "", "", "198.51.100.1"), "198.51.100.1");
    assert_eq!(found(&["unix"], "unix:", "", "unknown"), "none");
    assert_eq!(found(&["unix"], "something else", "", "198.51.100.1"), "none");
}

#[test]
fn a_header_of_any_length_is_read_no_further_than_proxies_wrote() {
    let far = "6.6.6.6,".repeat(20_000);
    assert_eq!(found(PROXIES, "10.0.0.1", "", &format!("{far}198.51.100.1, 10.0.0.4")), "198.51.100.1");
    assert_eq!(found(PROXIES, "10.0.0.1", "", &"6".repeat(100_000)), "10.0.0.1");
    assert_eq!(found(PROXIES, "10.0.0.1", "", &"é,".repeat(100_000)), "10.0.0.1");
    assert_eq!(found(PROXIES, "10.0.0.1", "", &",".repeat(100_000)), "10.0.0.1");
    assert_eq!(found(PROXIES, "10.0.0.1", &"\"\\".repeat(100_000), ""), "10.0.0.1");
    let chain = "10.0.0.4,".repeat(10_000);
    assert_eq!(found(PROXIES, "10.0.0.1", "", &chain), "10.0.0.4");
}

#[test]
fn networks_that_cannot_be_meant_are_refused() {
    for text in ["", "10.0.0.0/33", "10.0.0.1/8", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "a", "10.0.0.0/8 "]
    {
        assert!(Proxies::new([text]).is_err(), "{text}");
    }
    // Of one family each: all of IPv6 is nothing of IPv4.
    assert_eq!(found(&["::/0"], "10.0.0.1", "", "198.51.100.1"), "10.0.0.1");
    assert_eq!(found(&["::ffff:10.0.0.0/104"], "10.0.0.1", "", "198.51.100.1"), "198.51.100.1");
    assert_eq!(found(&["0.0.0.0/0"], "10.0.0.1", "", "6.6.6.6, 198.51.100.1"), "6.6.6.6");
}

#[test]
fn an_address_of_ipv6_is_cut_to_its_network() {
    let cut_to = |text: &str, prefix| cut(node::parse(text).expect("it is one"), prefix).to_string();
    assert_eq!(cut_to("2001:db8:1:2:3:4:5:6", 64), "2001:db8:1:2::");
    assert_eq!(cut_to("2001:db8:1:2:3:4:5:6", 0), "::");
    assert_eq!(cut_to("2001:db8:1:2:3:4:5:6", 128), "2001:db8:1:2:3:4:5:6");
    assert_eq!(cut_to("198.51.100.1", 0), "198.51.100.1");
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u16; 8]>().prop_map(|parts| IpAddr::from(parts).to_canonical()),
    ]
}

fn spelled(address: IpAddr, port: Option<u16>) -> String {
    match (address, port) {
        (IpAddr::V4(_), None) => address.to_string(),
        (IpAddr::V4(_), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(_), None) => format!("[{address}]"),
        (IpAddr::V6(_), Some(port)) => format!("[{address}]:{port}"),
    }
}

proptest! {
    #[test]
    fn nothing_that_a_client_writes_changes_who_he_is(
        own in r#"[ -~]{0,60}|[",;=\\for0-9. ]{0,60}|\PC{0,40}"#,
        client in address(),
        between in prop::collection::vec(0_u8..=255, 0..4),
        port in prop::option::of(any::<u16>()),
        extra in prop_oneof![Just(""), Just(";proto=https"), Just(r#";by="a,\"b""#)],
    ) {
        prop_assume!(!proxies(PROXIES).trusts(client));
        let chain: Vec<_> = std::iter::once(client).chain(between.iter().map(|last| IpAddr::from([10, 0, 0, *last]))).collect();
        let plain: Vec<_> = chain.iter().map(|hop| spelled(*hop, port)).collect();
        let quoted: Vec<_> = plain.iter().map(|hop| format!("for=\"{hop}\"{extra}")).collect();
        let x_forwarded_for = format!("{own}, {}", plain.join(", "));
        let forwarded = format!("{own}, {}", quoted.join(", "));
        for (forwarded, x_forwarded_for) in [("", &*x_forwarded_for), (&*forwarded, ""), (&*forwarded, &*x_forwarded_for)] {
            let said = Said { peer: "10.1.1.1", forwarded, x_forwarded_for };
            prop_assert_eq!(proxies(PROXIES).client(said, Header::Either), Some(client));
        }
    }

    #[test]
    fn a_client_who_writes_in_the_other_header_is_himself_or_the_proxy(own in r#"[",;=\\for0-9. ]{0,60}"#, client in address()) {
        prop_assume!(!proxies(PROXIES).trusts(client));
        let said = Said { peer: "10.1.1.1", forwarded: &own, x_forwarded_for: &spelled(client, None) };
        let found = proxies(PROXIES).client(said, Header::Either);
        prop_assert!(found == Some(client) || found == Some(IpAddr::from([10, 1, 1, 1])), "{:?}", found);
    }

    #[test]
    fn no_text_makes_it_panic(peer in r"\PC{0,40}", forwarded in r#"[",;=\\for0-9.:\[\]\PC]{0,80}"#, plain in r"\PC{0,80}") {
        let said = Said { peer: &peer, forwarded: &forwarded, x_forwarded_for: &plain };
        let all = proxies(&["0.0.0.0/0", "::/0", "unix"]);
        for header in [Header::Either, Header::Forwarded, Header::XForwardedFor] {
            let _ = all.client(said, header);
        }
    }
}
