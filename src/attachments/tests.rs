use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn open() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path().to_str().unwrap()).unwrap();
    (folder, blobs)
}

#[tokio::test]
async fn a_blob_is_named_by_its_content() {
    let (folder, blobs) = open();
    let name = blobs.put("abc").await.unwrap();
    assert_eq!(name.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(files(folder.path()), [folder.path().join("ba").join(name.as_str())]);
    assert_eq!(blobs.get(&name).await.unwrap(), "abc");
    assert!(blobs.exists(&name).await.unwrap());
    assert!(!blobs.exists(&Sha256Hex::of(b"other")).await.unwrap());
}

#[tokio::test]
async fn the_same_content_is_kept_once_and_not_written_again() {
    let (folder, blobs) = open();
    blobs.put("abc").await.unwrap();
    let file = files(folder.path()).remove(0);
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    blobs.put("abc").await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn many_who_keep_the_same_at_once_all_succeed() {
    let (folder, blobs) = open();
    let all = futures::future::join_all((0..16).map(|_| blobs.put(vec![7; 100_000]))).await;
    assert!(all.iter().all(|name| name.as_ref().unwrap() == all[0].as_ref().unwrap()));
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_torn_blob_is_mended_and_a_damaged_one_is_not_handed_out() {
    let (folder, blobs) = open();
    let name = blobs.put("abc").await.unwrap();
    let file = files(folder.path()).remove(0);
    fs::write(&file, "ab").unwrap();
    blobs.put("abc").await.unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"abc");
    fs::write(&file, "abd").unwrap();
    assert_eq!(blobs.get(&name).await.unwrap_err().kind(), "operator");
}

#[tokio::test]
async fn a_blob_of_the_right_size_and_the_wrong_content_is_written_again() {
    let (folder, blobs) = open();
    let name = blobs.put("abc").await.unwrap();
    fs::write(files(folder.path()).remove(0), "abd").unwrap();
    blobs.put("abc").await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap(), "abc");
}

#[tokio::test]
async fn what_is_left_of_old_writes_is_swept_and_nothing_else() {
    let (folder, blobs) = open();
    let name = blobs.put("abc").await.unwrap();
    let kept = files(folder.path()).remove(0);
    let left = kept.with_file_name(format!("{name}#1"));
    let foreign = folder.path().join("note#1");
    [&left, &foreign].into_iter().for_each(|file| fs::write(file, "ab").unwrap());
    let begun = fs::metadata(&left).unwrap().modified().unwrap();
    assert_eq!(blobs.sweep(begun).await.unwrap(), 0);
    assert_eq!(blobs.sweep(begun + std::time::Duration::from_secs(1)).await.unwrap(), 1);
    assert!(kept.exists() && foreign.exists() && !left.exists());
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let (_folder, blobs) = open();
    let name = blobs.put("").await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap(), "");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_tried_again_and_leaves_nothing_behind() {
    let (folder, blobs) = open();
    let name = Sha256Hex::of(b"abc");
    // A file where the shard's folder belongs fails for every user, root included.
    fs::write(folder.path().join("ba"), "in the way").unwrap();
    assert_eq!(blobs.put("abc").await.unwrap_err().kind(), "retry");
    fs::remove_file(folder.path().join("ba")).unwrap();
    assert!(!blobs.exists(&name).await.unwrap());
    assert!(files(folder.path()).is_empty());
    assert_eq!(blobs.put("abc").await.unwrap(), name);
}

#[tokio::test]
async fn a_blob_that_is_gone_is_the_operators_to_mend() {
    let (_folder, blobs) = open();
    assert_eq!(blobs.get(&Sha256Hex::of(b"abc")).await.unwrap_err().kind(), "operator");
}

#[test]
fn a_full_disk_says_so() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = object_store::Error::Generic { store: "x", source: Box::new(full) };
    let trouble = unwritten(&error);
    assert!(matches!(&trouble, Trouble::Retry { reason, .. } if reason.contains("full: make room")), "{trouble:?}");
}

#[test]
fn a_folder_is_named_by_url_or_path_and_made_private() {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("a b").join("blobs");
    let url = Url::from_file_path(&inner).unwrap();
    Blobs::open(url.as_str()).unwrap();
    assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(folder("blobs").unwrap(), Path::new("blobs"));
    for wrong in ["", "file://relative/blobs", "s3://bucket", "http://files.example/"] {
        assert_eq!(Blobs::open(wrong).unwrap_err().kind(), "operator", "{wrong}");
    }
}

proptest! {
    #[test]
    fn only_a_name_is_a_name(text in "[0-9a-fA-F./]{60,66}") {
        let name = Sha256Hex::parse(&text);
        let valid = text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        prop_assert_eq!(name.is_some(), valid);
    }
}
