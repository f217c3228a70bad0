//! What is said around the questions.

/// How the extensions are reached, once all is set up.
pub(crate) const NEXT: &str = "
The way in, for 8008 (a question) and the same for 8009 (a conversation)
  FreePBX: Admin, Custom Destinations, Add: Target custom-openai,8008,1 and a Description; Submit
           Applications, Misc Applications, Add: a Description, Feature Code 8008,
           Destination: Custom Destinations, and that one; Submit. Then Apply Config.
  Without FreePBX: include => custom-openai in the context of your phones.
Then dial 8008 and ask, or 8009 and talk.
";

/// Where keys come from.
pub(super) const WHERE_KEYS_ARE: &str = "\
A Gemini key is enough: https://aistudio.google.com/apikey. OpenAI's is taken as well:
https://platform.openai.com/api-keys. It is not shown while you type or paste it. For a
service account, run this again with --api-key-file and its JSON file.";

/// <https://ai.google.dev/gemini-api/terms>, as effective from 2026-03-23.
pub(super) const TERMS: &str = "
What Google's terms for Gemini say (https://ai.google.dev/gemini-api/terms):
  - Without billing on the key's project, Google may use what is sent to improve its products, and people may read it.
  - Callers in the European Economic Area, Switzerland or the United Kingdom need a project with billing.
  - Nothing that people under 18 are likely to use may be built on it, such as a school's telephone. For that there
    are servers of your own (phone-assistant help local); or Google's cloud services for speech with a service account,
    which have terms of their own, beside a model of another provider.
";
