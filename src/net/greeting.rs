//! The first words on a connection: protocol, user, name and database, in one round trip where the server knows `HELLO`.

use crate::config::{Protocol, Server};
use crate::error::{Error, Result, ServerError};
use crate::op::{Commands, Operation, Replies, Reply, Step};
use redis::{Cmd, cmd};
use std::sync::Arc;

/// `HELLO` with `AUTH` and `SETNAME`, then `SELECT`; for a server or user without `HELLO` the same in separate commands.
pub struct Greeting {
    server: Arc<Server>,
    by_hello: bool,
}

impl Greeting {
    /// For a new connection to `server`.
    #[must_use]
    pub fn new(server: Arc<Server>) -> Self {
        Self { by_hello: server.protocol == Protocol::Resp3, server }
    }

    fn hello(&self) -> Cmd {
        let mut hello = cmd("HELLO");
        hello.arg(3);
        if let Some(password) = &self.server.password {
            hello.arg("AUTH").arg(self.server.username.as_deref().unwrap_or("default")).arg(password.reveal());
        }
        hello.arg("SETNAME").arg(&self.server.client_name);
        hello
    }

    fn auth(&self) -> Option<Cmd> {
        let password = self.server.password.as_ref()?;
        let mut auth = cmd("AUTH");
        if let Some(username) = &self.server.username {
            auth.arg(username);
        }
        auth.arg(password.reveal());
        Some(auth)
    }

    /// Some servers repeat the arguments of a command they do not know, and the password is one.
    fn without_password(&self, mut error: ServerError) -> Error {
        if let Some(password) = &self.server.password
            && !password.reveal().is_empty()
        {
            error.detail = error.detail.replace(password.reveal(), "***");
        }
        Error::Server(error)
    }
}

impl Operation for Greeting {
    type Outcome = ();

    fn request(&mut self, commands: &mut dyn Commands) {
        if self.by_hello {
            commands.push(&self.hello());
        } else {
            if let Some(auth) = self.auth() {
                commands.push(&auth);
            }
            commands.push(cmd("CLIENT").arg("SETNAME").arg(&self.server.client_name));
        }
        commands.push(cmd("CLIENT").arg("SETINFO").arg("LIB-NAME").arg("hitrate"));
        commands.push(cmd("SELECT").arg(self.server.db));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<()>> {
        let mut replies = replies.into_iter();
        let (first, last) = (replies.next(), replies.next_back());
        if let Some(Reply::Error(error)) = first {
            // A server that does not know the command may say so, or ask for the password first. Only a wrong password, or
            // none where one is needed, would meet the same answer again.
            let is_final = error.code == "WRONGPASS" || (error.code == "NOAUTH" && self.server.password.is_none());
            if self.by_hello && !is_final {
                self.by_hello = false;
                return Ok(Step::Again);
            }
            // The name of a connection is a nicety; only with a password is the first command `AUTH`.
            if self.by_hello || self.server.password.is_some() {
                return Err(self.without_password(error));
            }
        }
        match last {
            Some(Reply::Error(error)) if self.server.db != 0 || error.code == "NOAUTH" => {
                Err(self.without_password(error))
            }
            // Database 0 is where a connection begins: a user without SELECT is there already.
            _ => Ok(Step::Done(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::op::Request;
    use smallvec::smallvec;

    fn server(url: &str) -> Arc<Server> {
        Arc::new(Settings::new(url, &[]).expect("the URL is right").server)
    }

    fn refused(text: &str) -> Reply {
        Reply::Error(ServerError::parse(text))
    }

    fn ok() -> Reply {
        Reply::Status("OK".to_owned())
    }

    #[test]
    fn a_server_without_hello_is_greeted_the_old_way() {
        let server = server("redis://:secret@localhost/2");
        let mut greeting = Greeting::new(server);
        let first = greeting.replies(smallvec![refused("ERR unknown command `HELLO`"), ok(), ok()]);
        assert!(matches!(first, Ok(Step::Again)));
        let mut request = Request::default();
        greeting.request(&mut request);
        let text = String::from_utf8_lossy(request.bytes()).into_owned();
        assert!(
            text.contains("AUTH") && text.contains("SETNAME") && text.contains("SELECT") && !text.contains("HELLO")
        );
    }

    #[test]
    fn the_password_never_comes_back_in_an_error() {
        let server = server("redis://:secret@localhost");
        let mut greeting = Greeting::new(server);
        greeting.by_hello = false;
        let error = greeting.replies(smallvec![refused("ERR no such thing as 'secret'"), ok(), ok(), ok()]);
        let text = error.expect_err("it was refused").to_string();
        assert!(!text.contains("secret") && text.contains("***"), "{text}");
    }

    #[test]
    fn a_wrong_password_is_said_and_not_tried_again() {
        let server = server("redis://:secret@localhost");
        let refusal = Greeting::new(server).replies(smallvec![refused("WRONGPASS invalid"), ok(), ok()]);
        assert!(refusal.is_err());
    }
}
