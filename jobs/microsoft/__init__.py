"""All that knows Microsoft: sign-in, the Graph client, errors explained, Graph's JSON turned into facts."""
