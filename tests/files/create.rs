//! New ids: F-26, I-14, F-53.

use crate::kit::{Client, Dir};
use sess::config::Profile;

#[test]
fn f_26_ids_have_the_length_and_alphabet_that_were_set() {
    let dir = Dir::new();
    for (length, bits, alphabet) in [(32, 4, "0-9a-f"), (26, 5, "0-9a-v"), (48, 6, "all")] {
        let mut client = Client::new(
            std::sync::Arc::new(sess::backend::files::Files::default()),
            Profile::Php82,
            dir.text(),
        )
        .with(|settings| {
            settings.sid_length = length;
            settings.sid_bits_per_character = bits;
        });
        client.open().unwrap();
        let id = client.create_sid().unwrap();
        assert_eq!(id.len(), length as usize);
        let fits = |byte: u8| match alphabet {
            "0-9a-f" => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            "0-9a-v" => byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte),
            _ => byte.is_ascii_alphanumeric() || b",-".contains(&byte),
        };
        assert!(id.bytes().all(fits), "{id}");
        assert_ne!(client.create_sid().unwrap(), id);
    }
    assert!(dir.names().is_empty());
}

#[test]
fn create_sid_keeps_the_session_that_is_held() {
    let dir = Dir::new();
    let path = dir.put("abc", b"x", 0);
    let mut client = Client::php(dir.text());
    client.start("abc").unwrap();
    client.create_sid().unwrap();
    assert!(!crate::kit::is_lockable(&path));
    client.write("abc", b"y").unwrap();
    assert_eq!(dir.get("abc"), b"y");
    assert_eq!(dir.names(), ["sess_abc"]);
}
