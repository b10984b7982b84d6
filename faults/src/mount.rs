//! Small file systems for a full disk, in a mount namespace of this process: the kernel removes them with it.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A mounted file system; unmounted when dropped.
#[derive(Debug)]
pub struct Mount {
    /// Where.
    pub path: PathBuf,
    /// Which kind, for the figures.
    pub kind: &'static str,
}

/// Mounts a file system of `mib` MiB at `folder/disk`: ext4 in a file where loop devices are to be had, else tmpfs. An
/// inner error is the reason why this machine cannot.
pub fn small_disk(folder: &Path, mib: u64) -> Result<std::result::Result<Mount, String>> {
    if let Err(error) = own_namespace() {
        return Ok(Err(format!(
            "no mount namespace of our own (needs root): {error}"
        )));
    }
    let path = folder.join("disk");
    fs::create_dir_all(&path)?;
    match ext4(folder, &path, mib) {
        Ok(()) => {
            return Ok(Ok(Mount {
                path,
                kind: "ext4 on a loop device",
            }));
        }
        Err(reason) => println!("       no ext4 on a loop device ({reason:#}), trying tmpfs"),
    }
    let options = CString::new(format!("size={mib}m"))?;
    match mount("tmpfs", &path, "tmpfs", 0, Some(&options)) {
        Ok(()) => Ok(Ok(Mount { path, kind: "tmpfs" })),
        Err(error) => Ok(Err(format!(
            "neither a loop device nor tmpfs can be mounted: {error}"
        ))),
    }
}

fn ext4(folder: &Path, path: &Path, mib: u64) -> Result<()> {
    let image = folder.join("disk.img");
    File::create(&image)?.set_len(mib << 20)?;
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-m", "0", "-O", "^has_journal"])
        .arg(&image)
        .output()
        .context("mkfs.ext4")?;
    anyhow::ensure!(
        made.status.success(),
        "mkfs.ext4: {}",
        String::from_utf8_lossy(&made.stderr).trim()
    );
    let mounted = Command::new("mount")
        .args(["-o", "loop"])
        .arg(&image)
        .arg(path)
        .output()
        .context("mount")?;
    anyhow::ensure!(
        mounted.status.success(),
        "{}",
        String::from_utf8_lossy(&mounted.stderr).trim()
    );
    Ok(())
}

fn own_namespace() -> io::Result<()> {
    // SAFETY: plain system calls.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // What is mounted here must not be seen outside.
    mount(
        "none",
        Path::new("/"),
        "none",
        libc::MS_REC | libc::MS_PRIVATE,
        None,
    )
}

fn mount(
    source: &str,
    target: &Path,
    kind: &str,
    flags: libc::c_ulong,
    options: Option<&CString>,
) -> io::Result<()> {
    let (source, kind) = (CString::new(source)?, CString::new(kind)?);
    let target = CString::new(target.as_os_str().as_bytes())?;
    let data = options.map_or(std::ptr::null(), |options| options.as_ptr().cast());
    // SAFETY: all pointers are to strings that outlive the call.
    let done = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Ok(path) = CString::new(self.path.as_os_str().as_bytes()) {
            // SAFETY: as above. Lazily, because a server that was just killed may still have files open.
            unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
        }
    }
}
