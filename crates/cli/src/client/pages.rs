//! Lists that come in pages.

use anyhow::Result;

/// All that is in a list. `page` asks for the page that a token names, the first one without a token, and answers what
/// is on it and the token of the next one, if there is one.
pub(crate) async fn pages<T>(
    mut page: impl AsyncFnMut(Option<String>) -> Result<(Vec<T>, Option<String>)>,
) -> Result<Vec<T>> {
    let (mut all, mut next) = page(None).await?;
    while let Some(token) = next {
        let (more, after) = page(Some(token)).await?;
        all.extend(more);
        next = after;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_are_read_until_no_token_comes() {
        let mut asked = Vec::new();
        let all = pages(async |token| {
            asked.push(token.clone());
            Ok(match token.as_deref() {
                None => (vec![1, 2], Some("b".to_owned())),
                // A page may be empty though others follow it.
                Some("b") => (vec![], Some("c".to_owned())),
                Some(_) => (vec![3], None),
            })
        })
        .await
        .unwrap();
        assert_eq!(all, [1, 2, 3]);
        assert_eq!(asked, [None, Some("b".to_owned()), Some("c".to_owned())]);
    }
}
