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


def counted(code: str, status: int | None) -> str:
    """What an answer that is no success is counted as: Slack's code, or the HTTP status where it has none."""
    if code:
        return code if code in _ALL else "other"
    return str(status) if status and 100 <= status <= 599 else "other"
