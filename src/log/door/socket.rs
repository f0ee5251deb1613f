//! The socket's name in the file system.

use std::fs::Permissions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The longest path that fits the address of a socket on every system.
const PATH_LIMIT: usize = 100;

/// A socket that others find by its path.
#[derive(Debug)]
pub(crate) struct Named {
    path: PathBuf,
    /// Device and inode.
    is: (u64, u64),
}

/// Binds a socket that the owner and the group may connect to. Nothing may stand at the path.
pub(crate) fn bind(path: &Path) -> io::Result<(UnixListener, Named)> {
    let listener = at_short_path(path, |path| UnixListener::bind(path))?;
    let named = Named {
        path: path.to_owned(),
        is: identity(path)?,
    };
    if let Err(error) = allow_the_group(path) {
        named.forget();
        return Err(error);
    }
    Ok((listener, named))
}

pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    at_short_path(path, |path| UnixStream::connect(path))
}

impl Named {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the name, unless it is somebody else's by now: a process that ends late must not shut its successor's
    /// door.
    #[expect(clippy::disallowed_methods, reason = "a socket is no file of the log")]
    pub(crate) fn forget(&self) {
        if identity(&self.path).is_ok_and(|is| is == self.is) {
            // If it stays, the next writer replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

#[expect(clippy::disallowed_methods, reason = "a socket is no file of the log")]
fn allow_the_group(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(0o660))
}

/// Does something at a socket's path, by way of its directory's descriptor if the path is too long for an address.
fn at_short_path<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= PATH_LIMIT {
        return act(path);
    }
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let dir = std::fs::File::open(dir)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name))
}
