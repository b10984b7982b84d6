//! Layers, refusals and the round trip of the dump.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use millrace_base::ByteSize;

use super::*;

fn load(file: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let env: HashMap<String, String> = env
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let overrides: Vec<_> = overrides
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    Config::load(Some(written.path()), &|name| env.get(name).cloned(), &overrides)
}

fn refusal(file: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> String {
    load(file, env, overrides).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_local() {
    let config = Config::load(None, &|_| None, &[]).unwrap();
    assert_eq!(config.server.listen, "127.0.0.1:4567");
    assert!(config.server.is_loopback());
    assert_eq!(config.auth.mode, AuthMode::Sigv4);
    let known = config.auth.effective();
    assert_eq!(known.len(), 1);
    assert_eq!(
        (known[0].access_key.as_str(), known[0].account.as_str()),
        ("test", "000000000000")
    );
    assert_eq!(config.storage.durability, Durability::Fsync);
    assert_eq!(config.streams.transition, Duration::from_millis(30));
}

#[test]
fn later_layers_win() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nbody_max = \"1MiB\"\n[storage]\ndata_dir = \"f\"\n";
    let env = [
        ("MILLRACE_LISTEN", "127.0.0.1:2"),
        ("MILLRACE_DATA_DIR", "e"),
        ("MILLRACE_LOG_LEVEL", ""),
    ];
    let config = load(file, &env, &[("server.listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(config.server.listen, "127.0.0.1:3");
    assert_eq!(config.storage.data_dir.to_str(), Some("e"));
    assert_eq!(config.server.body_max, ByteSize::mib(1));
    assert_eq!(config.log.level, "info");
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion() {
    let text = refusal("[server]\nlisen = \"x\"\n", &[], &[]);
    assert!(
        text.contains("unknown setting 'server.lisen' in the file"),
        "{text}"
    );
    assert!(text.contains("did you mean 'server.listen'?"), "{text}");
    let text = refusal("", &[], &[("storage.data-dir", "x")]);
    assert!(
        text.contains("in the command line (did you mean 'storage.data_dir'?)"),
        "{text}"
    );
    let text = refusal("colour = 1\n", &[], &[]);
    assert!(
        text.contains("unknown setting 'colour'") && !text.contains("did you mean"),
        "{text}"
    );
    let names = ["MILLRACE_DATADIR", "PATH", "MILLRACE_LISTEN"].map(str::to_owned);
    let unknown = Config::unknown_variables(names.into_iter());
    assert_eq!(
        unknown,
        [("MILLRACE_DATADIR".to_owned(), Some("MILLRACE_DATA_DIR"))]
    );
}

#[test]
fn bad_values_say_what_would_be_right() {
    for (file, expected) in [
        ("[server]\nlisten = 4567\n", "such as 127.0.0.1:4567"),
        ("[server]\nlisten = \"localhost\"\n", "such as 127.0.0.1:4567"),
        ("[server]\ndrain_secs = \"10\"\n", "write a whole number"),
        ("[server]\ndrain_secs = 0\n", "between 1 and 86400"),
        ("[server]\nbody_max = \"2 parsecs\"\n", "64MiB"),
        ("[server]\nbody_max = \"1GiB\"\n", "between 1B and 256MiB"),
        ("[server]\nbody_memory = \"1MiB\"\n", "at least 16MiB"),
        ("[storage]\ndurability = \"maybe\"\n", "'fsync', 'os'"),
        ("[storage]\ndata_dir = \"\"\n", ":memory:"),
        (
            "[storage]\nseal = \"1GiB\"\n",
            "make storage.tail_cache the larger one",
        ),
        ("[storage]\nsegment = \"1KiB\"\n", "between 1MiB and 1GiB"),
        ("[streams]\nprofile = \"strict\"\n", "'aws', 'open'"),
        ("[log]\nlevel = \"a=b=c\"\n", "write a level such as info"),
        ("[tls]\ncert = \"c.pem\"\n", "set both or none"),
        ("[tls]\nrequired = true\n", "needs a certificate"),
        (
            "[tls]\nself_signed = true\n[storage]\ndata_dir = \":memory:\"\n",
            "set a directory",
        ),
        (
            "[keys]\ndir = \"k\"\nkms_endpoint = \"http://k\"\nkms_access_key = \"a\"\nkms_secret_key = \"s\"\n",
            "set one of them",
        ),
        (
            "[keys]\nkms_endpoint = \"http://k\"\nkms_access_key = \"a\"\n",
            "both",
        ),
        ("[keys]\nkms_secret_key = \"s\"\n", "set keys.kms_endpoint"),
        ("[keys]\nkms_cache_secs = 0\n", "between 1 and"),
        ("[server\n", "not valid TOML"),
        (
            "[[credentials]]\naccess_key = \"a\"\n",
            "needs an access_key and a secret_key",
        ),
        (
            "[[credentials]]\naccess_key = \"a/b\"\nsecret_key = \"s\"\n",
            "no slash",
        ),
        (
            "[[credentials]]\naccess_key = \"a\"\nsecret_key = \"s\"\naccount = \"1\"\n",
            "twelve digits",
        ),
        (
            "[[credentials]]\naccess_key = \"a\"\nsecret = \"s\"\n",
            "'secret' is not a member",
        ),
        ("credentials = \"x\"\n", "a table [[credentials]]"),
    ] {
        let text = refusal(file, &[], &[]);
        assert!(text.contains(expected), "{file}: {text}");
    }
    let missing = Config::load(Some(Path::new("/nowhere/millrace.toml")), &|_| None, &[]).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("cannot read the configuration file /nowhere"),
        "{missing}"
    );
}

#[test]
fn other_machines_need_credentials_or_none_spelled_out() {
    for listen in ["0.0.0.0:4567", "[::]:4567", "192.0.2.1:80", "example.org:4567"] {
        let text = refusal("", &[("MILLRACE_LISTEN", listen)], &[]);
        assert!(
            text.contains("[[credentials]]") && text.contains("auth.mode = \"none\""),
            "{text}"
        );
        load("", &[("MILLRACE_LISTEN", listen), ("MILLRACE_AUTH", "none")], &[]).unwrap();
        load(
            "",
            &[("MILLRACE_LISTEN", listen), ("MILLRACE_CREDENTIALS", "AK:SK")],
            &[],
        )
        .unwrap();
    }
    for listen in ["127.0.0.1:0", "127.1.2.3:1", "[::1]:4567", "localhost:4567"] {
        load("", &[("MILLRACE_LISTEN", listen)], &[]).unwrap();
    }
}

#[test]
fn credentials_come_from_the_file_or_the_environment() {
    let file = "[[credentials]]\naccess_key = \"AKA\"\nsecret_key = \"s:1\"\naccount = \"123456789012\"\n\
                [[credentials]]\naccess_key = \"AKB\"\nsecret_key = \"s2\"\nsession_token = \"t\"\n";
    let config = load(file, &[], &[]).unwrap();
    let seen: Vec<_> = config
        .auth
        .effective()
        .into_iter()
        .map(|c| (c.access_key, c.account, c.session_token.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            ("AKA".to_owned(), "123456789012".to_owned(), false),
            ("AKB".to_owned(), "000000000000".to_owned(), true)
        ]
    );
    let env = [("MILLRACE_CREDENTIALS", "AKC:s/3+=:210987654321:tok:en, AKD:s4")];
    let config = load(file, &env, &[]).unwrap();
    assert_eq!(config.auth.credentials.len(), 2);
    assert_eq!(config.auth.credentials[0].secret_key.expose(), "s/3+=");
    assert_eq!(
        config.auth.credentials[0]
            .session_token
            .as_ref()
            .unwrap()
            .expose(),
        "tok:en"
    );
    let text = refusal("", &[("MILLRACE_CREDENTIALS", "AK:s,AK:t")], &[]);
    assert!(
        text.contains("AK is there twice") && !text.contains("s,AK"),
        "{text}"
    );
}

#[test]
fn a_dump_reads_back_and_shows_no_secret() {
    let file = "[[credentials]]\naccess_key = \"AKA\"\nsecret_key = \"hush\"\nsession_token = \"hush\"\n\
                [tls]\nself_signed = true\nnames = [\"a.example\", \"10.0.0.1\"]\n[server]\nlisten = \"127.0.0.1:9\"\n\
                [streams]\ntransition_ms = 5\n";
    let config = load(file, &[], &[]).unwrap();
    let dump = config.dump();
    assert!(
        !dump.contains("hush") && !format!("{config:?}").contains("hush"),
        "{dump}"
    );
    assert!(dump.contains("# Set by the file"), "{dump}");
    let again = load(&dump, &[], &[]).unwrap_or_else(|error| panic!("{error}\n{dump}"));
    assert_eq!(
        (&again.server, &again.tls, &again.storage),
        (&config.server, &config.tls, &config.storage)
    );
    assert_eq!((&again.streams, &again.log), (&config.streams, &config.log));
    for key in all_keys() {
        assert!(dump.contains(key.env), "{} is not dumped", key.name);
    }
}

#[test]
fn a_key_service_s_secrets_are_not_shown() {
    let file = "[keys]\nkms_endpoint = \"https://kms.example\"\nkms_access_key = \"AK\"\nkms_secret_key = \"hush\"\n\
                kms_session_token = \"hush\"\n";
    let config = load(file, &[], &[]).unwrap();
    let kms = config.keys.kms.clone().unwrap();
    assert_eq!(
        (kms.secret_key.expose().as_str(), kms.cache),
        ("hush", Duration::from_secs(300))
    );
    assert!(!config.dump().contains("hush") && !format!("{config:?}").contains("hush"));
}

#[test]
fn every_key_is_well_formed_and_unique() {
    let mut names: Vec<_> = all_keys().flat_map(|key| [key.name, key.env]).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for key in all_keys() {
        assert!(
            key.env.starts_with("MILLRACE_") && key.doc.ends_with('.'),
            "{}",
            key.name
        );
        assert!(!key.doc.contains('|') && !key.doc.contains("  "), "{}", key.name);
    }
}

/// `UPDATE_DOCS=1 cargo test -p millrace-server reference` writes the page.
#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/operations/configuration.md is stale: run with UPDATE_DOCS=1"
    );
}
