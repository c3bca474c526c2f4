"""Slack's error codes: what we make of each, and which there are.

https://docs.slack.dev/reference/methods, for the methods that the bridge calls.
"""

from __future__ import annotations

#: the request reached Slack, and Slack failed: it may have been done all the same
UNKNOWN = {"fatal_error", "internal_error", "request_timeout"}
RATE_LIMITED = {"ratelimited", "rate_limited"}
#: the token, which comes from `variable`, is taken for nothing any more
TOKEN = {
    "invalid_auth": "Check {variable}",
    "not_authed": "Check {variable}",
    "token_revoked": "Install the app again and set {variable}",
    "token_expired": "Set a new {variable}",
    "account_inactive": "Install the app again and set {variable}",
}
#: what an operator can mend while the lanes wait, and how
MENDABLE = {
    **TOKEN,
    "not_in_channel": "Invite the app to the channel: /invite @<the app>",
    "channel_not_found": "Check the route's channel id, and invite the app if the channel is private",
    "is_archived": "Unarchive the channel, or change the route",
    "restricted_action": "Let the app post in this channel",
    "restricted_action_read_only_channel": "Let the app post in this channel",
    "ekm_access_denied": "Ask the workspace's administrators",
    "team_access_not_granted": "Install the app in this workspace",
    "service_unavailable": "",
    "accesslimited": "",
    "message_limit_exceeded": "The workspace is past its message limit",
}
AWAY = {"not_in_channel", "channel_not_found", "is_archived"}
#: which of them a deleted first message gives is not documented
THREAD_GONE = {"cannot_reply_to_message", "thread_not_found", "invalid_thread_ts"}
#: our message cannot be changed any more
FIXED = {"message_not_found", "edit_window_closed", "cant_update_message"}
#: Slack will not have this form of the message; a plainer one may do
REFUSED_FORM = {
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_attachments",
    "msg_blocks_too_long",
    "msg_blocks_too_many",
    "msg_too_long",
    "too_many_attachments",
    "attachment_payload_limit_exceeded",
    "reserved_username",
    "invalid_arguments",
}

#: an ephemeral message cannot be shown to this person: nobody else is to read it instead
ABSENT = {"user_not_in_channel", "user_not_found", "user_not_visible", "is_bot"}
#: what people read instead of a code
_IN_WORDS = {
    **dict.fromkeys(REFUSED_FORM, "Slack does not show a message of this form"),
    **dict.fromkeys(UNKNOWN, "Slack gave no clear answer"),
    **dict.fromkeys(TOKEN, "Slack does not accept the app's token"),
    **dict.fromkeys(("service_unavailable", "accesslimited"), "Slack is not available"),
    **dict.fromkeys(("expired_trigger_id", "trigger_expired"), "it took too long; press again"),
    **dict.fromkeys(("file_not_found", "file_deleted"), "Slack does not have the file any more"),
    "channel_not_found": "the app cannot find the channel",
    "ekm_access_denied": "the administrators of the workspace do not allow it",
    "file_uploads_disabled": "the workspace does not let files be uploaded",
    "file_uploads_except_images_disabled": "the workspace lets only images be uploaded",
    "is_archived": "the channel is archived",
    "malware_detected": "Slack found malware in the file",
    "message_limit_exceeded": "the workspace is past its message limit",
    "message_not_found": "the message is not there any more",
    "missing_scope": "the app lacks a permission in Slack",
    "not_in_channel": "the app is not in the channel",
    "restricted_action": "the app may not post in the channel",
    "restricted_action_read_only_channel": "the app may not post in the channel",
    "storage_limit_reached": "the workspace has no room for more files",
    "team_access_not_granted": "the app is not installed in the workspace",
    "restricted_action_non_threadable_channel": "the channel has no threads",
    "restricted_action_thread_locked": "the thread is locked",
    "restricted_action_thread_only_channel": "the channel takes only replies in threads",
    "thread_locked": "the thread is locked",
    "too_many_emoji": "the message has too many reactions",
    "too_many_reactions": "the message has too many reactions",
    "user_not_found": "Slack knows no such person",
    "user_not_in_channel": "the person is not in the channel",
    "user_not_visible": "the app cannot see the person",
}

# The rest, which we only count.
_ANY_METHOD = """
    access_denied deprecated_endpoint enterprise_is_restricted invalid_arg_name invalid_array_arg
    invalid_charset invalid_form_data invalid_json invalid_post_type is_bot json_not_object method_deprecated
    missing_argument missing_post_type missing_scope no_permission not_allowed_token_type org_login_required
    team_added_to_org two_factor_setup_required unknown_error unknown_method
"""
_MESSAGES = """
    as_user_not_supported block_mismatch bot_not_found cant_broadcast_message channel_type_not_supported
    duplicate_channel_not_found duplicate_message_not_found external_channel_migrating invalid_metadata_format
    invalid_metadata_schema invalid_ts markdown_text_conflict messages_tab_disabled
    metadata_must_be_sent_from_app metadata_too_large no_dual_broadcast_content_update no_text not_supported
    restricted_action_non_threadable_channel restricted_action_thread_locked
    restricted_action_thread_only_channel slack_connect_canvas_sharing_blocked
    slack_connect_file_link_sharing_blocked slack_connect_lists_sharing_blocked team_not_found
    too_many_contact_cards update_failed user_not_in_channel
"""
_READING = """
    fetch_members_failed invalid_cursor invalid_limit invalid_metadata_keys invalid_ts_latest
    invalid_ts_oldest limit_required method_not_supported_for_channel_type user_not_found user_not_visible
    users_list_not_supplied
"""
_REACTIONS = """
    already_reacted bad_timestamp invalid_name invalid_timestamp no_item_specified no_reaction not_reactable
    thread_locked too_many_emoji too_many_reactions
"""
_FILES = """
    alt_txt_too_large cant_delete_file file_deleted file_not_found file_update_failed
    file_upload_size_restricted file_uploads_disabled file_uploads_except_images_disabled invalid_channel
    malware_detected missing_filename posting_to_channel_denied slack_connect_file_upload_sharing_blocked
    snippet_too_large storage_limit_reached unknown_snippet_type unknown_subtype
"""
_VIEWS = """
    duplicate_external_id exchanged_trigger_id expired_trigger_id hash_conflict invalid_trigger_id not_enabled
    not_found push_limit_reached trigger_exchanged trigger_expired view_too_large
"""
_ALL = frozenset(
    {
        *UNKNOWN,
        *RATE_LIMITED,
        *MENDABLE,
        *THREAD_GONE,
        *FIXED,
        *REFUSED_FORM,
        *f"{_ANY_METHOD}{_MESSAGES}{_READING}{_REACTIONS}{_FILES}{_VIEWS}".split(),
    }
)


def in_words(code: str) -> str:
    """What `code` means, for people; that Slack refused it, where no words are known."""
    return _IN_WORDS.get(code, "Slack refused it")


def counted(code: str, status: int | None) -> str:
    """What an answer that is no success is counted as: Slack's code, or the HTTP status where it has none."""
    if code:
        return code if code in _ALL else "other"
    return str(status) if status and 100 <= status <= 599 else "other"
