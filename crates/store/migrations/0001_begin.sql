-- The tables of the first release: operators, institutions, applications, grants, certificates,
-- revocation, publication, procedures, mails, audit. One text for SQLite and PostgreSQL: TEXT,
-- BIGINT and BYTEA only. Times are seconds since 1970-01-01T00:00:00Z. Row ids are 32 hexadecimal
-- digits.
-- Every rule has a name, because the name is what a refused change reports. SQLite makes a table of
-- a list of more than two words, each time that it tries a rule: so those are told apart with `or`.

create table fact (
    name text not null primary key,
    value text not null
);

create table counter (
    name text not null primary key,
    value bigint not null
);

create table sealing_secret (
    purpose text not null,
    number bigint not null,
    sealed bytea not null,
    created_at bigint not null,
    primary key (purpose, number)
);

create table operator (
    id text not null primary key,
    name text not null constraint operator_name unique,
    password_hash text not null,
    totp_sealed bytea not null,
    totp_last_step bigint not null,
    created_at bigint not null,
    disabled_at bigint
);

create table operator_role (
    operator_id text not null references operator (id),
    role text not null constraint operator_role_word check (
        role = 'administrator' or role = 'approver' or role = 'auditor' or role = 'dispatcher'
        or role = 'examiner' or role = 'help_desk' or role = 'intake'),
    primary key (operator_id, role)
);

-- Who is logged in at the console. Only a digest of the cookie's value is kept; `stepped_up_at` is
-- when a one-time code was typed last.
create table session (
    digest bytea not null primary key,
    operator_id text not null references operator (id),
    created_at bigint not null,
    seen_at bigint not null,
    stepped_up_at bigint not null
);

create index session_age on session (created_at);

-- What one operator proposed and another confirmed (F8). `detail` has the values of the act as JSON.
create table proposal (
    id text not null primary key,
    act text not null constraint proposal_act check (
        act = 'change_mail' or act = 'disable_operator' or act = 'extend_window'
        or act = 'give_roles' or act = 'new_reference' or act = 'release_letters'
        or act = 'reopen' or act = 'reset_authenticator' or act = 'unfreeze'),
    detail text not null,
    reason text not null,
    proposed_by text not null references operator (id),
    proposed_at bigint not null,
    state text not null constraint proposal_state check (
        state = 'proposed' or state = 'confirmed' or state = 'refused' or state = 'withdrawn'),
    ended_by text references operator (id),
    ended_at bigint,
    constraint proposal_ended check (
        (state = 'proposed') = (ended_by is null)
        and (state = 'proposed') = (ended_at is null)),
    constraint proposal_two_persons check (
        state not in ('confirmed', 'refused')
        or (ended_by is not null and ended_by <> proposed_by)),
    constraint proposal_withdrawn check (
        state <> 'withdrawn' or (ended_by is not null and ended_by = proposed_by))
);

create index proposal_waiting on proposal (id) where state = 'proposed';

-- What a proposal is about, such as `grant:0123…`; one open proposal for each act and object.
create table proposal_object (
    proposal_id text not null references proposal (id),
    object text not null,
    act text not null,
    ended_at bigint,
    primary key (proposal_id, object)
);

create unique index proposal_object_open on proposal_object (act, object) where ended_at is null;
create index proposal_object_of on proposal_object (object, proposal_id);

create table institution (
    id text not null primary key,
    class text not null,
    code text not null,
    name text not null,
    kana text not null,
    prefecture bigint not null
        constraint institution_prefecture check (prefecture between 1 and 47),
    postal_code text not null,
    address text not null,
    telephone text not null,
    created_at bigint not null,
    changed_at bigint,
    closed_at bigint
);

create unique index institution_live_code on institution (class, code) where closed_at is null;

create table application (
    id text not null primary key,
    institution_id text not null references institution (id),
    terminal text not null,
    mail text not null,
    entered_by text not null,
    entered_at bigint not null,
    state text not null constraint application_state check (
        state = 'submitted' or state = 'examined' or state = 'approved' or state = 'returned'
        or state = 'rejected' or state = 'cancelled'),
    examined_by text references operator (id),
    examined_at bigint,
    decided_by text references operator (id),
    decided_at bigint,
    reason text,
    grant_id text,
    constraint application_two_persons check (examined_by is null or examined_by <> entered_by),
    constraint application_three_persons check (state <> 'approved' or (
        examined_by is not null and decided_by is not null and grant_id is not null
        and decided_by <> examined_by and decided_by <> entered_by))
);

create index application_by_state on application (state, id);
create index application_institution on application (institution_id, id);

-- お知らせ on the entrance page. Days are those of Japan, as 2027-03-14; both ends are included.
create table announcement (
    id text not null primary key,
    kind text not null constraint announcement_kind check (
        kind = 'client' or kind = 'fault' or kind = 'maintenance' or kind = 'other'),
    title text not null,
    body text not null,
    shown_from text not null,
    shown_until text not null,
    affects_from text,
    affects_until text,
    version bigint not null,
    created_at bigint not null,
    withdrawn_at bigint,
    constraint announcement_shown_days check (shown_from <= shown_until),
    constraint announcement_affects_days check (
        (affects_from is null) = (affects_until is null)
        and (affects_from is null or affects_from <= affects_until))
);

create index announcement_shown on announcement (shown_until) where withdrawn_at is null;
create index announcement_affects on announcement (affects_until) where withdrawn_at is null;

-- The folded words under which institutions and applications are found, in octets so that their
-- order is the same everywhere. `object` is `institution:…` or `application:…`.
create table search_word (
    word bytea not null,
    object text not null,
    primary key (word, object)
);

create index search_word_object on search_word (object);

-- Whom to talk to about an application, and the numbers that the applicant has (I6).
create table applicant (
    application_id text not null primary key references application (id),
    number text not null constraint applicant_number unique,
    department text,
    person text not null,
    telephone text not null,
    second_mail text,
    inquiry_hmac bytea not null,
    inquiry_pepper bigint not null,
    due text
);

-- Procedures of applicants: applying, correcting, asking. There is no grant yet.
create table application_flow (
    id text not null primary key,
    application_id text references application (id),
    step text not null constraint application_flow_step check (
        step = 'confirm' or step = 'contact' or step = 'done' or step = 'inquiry'
        or step = 'institution'),
    version bigint not null,
    answered bytea,
    entered text not null,
    created_at bigint not null,
    expires_at bigint not null
);

create index application_flow_end on application_flow (expires_at);
create index application_terminal on application (institution_id, terminal, id);

create table issue_grant (
    id text not null primary key,
    request_id text not null constraint issue_grant_request_id unique,
    application_id text not null references application (id),
    institution_id text not null references institution (id),
    institution_name text not null,
    class text not null,
    code text not null,
    prefecture bigint not null
        constraint issue_grant_prefecture check (prefecture between 1 and 47),
    terminal text not null,
    mail text not null,
    second_mail text,
    approved_at bigint not null,
    not_after bigint not null,
    window_end bigint not null,
    entered_by text not null,
    examined_by text not null references operator (id),
    approved_by text not null references operator (id),
    posted_at bigint,
    tracking text,
    -- The state. `state_at` is its instant where it has one; while the grant is frozen, `serial`
    -- and `state_at` belong to the state under the ice, whose word is `frozen_from`.
    state text not null constraint issue_grant_state check (
        state = 'approved' or state = 'posted' or state = 'key_fixed' or state = 'collected'
        or state = 'seen_in_use' or state = 'letter_returned' or state = 'frozen'
        or state = 'voided'),
    serial text,
    state_at bigint,
    frozen_from text constraint issue_grant_frozen_from check (
        frozen_from = 'approved' or frozen_from = 'posted' or frozen_from = 'key_fixed'
        or frozen_from = 'collected' or frozen_from = 'seen_in_use'
        or frozen_from = 'letter_returned'),
    frozen_at bigint,
    -- A renewal continues the certificate whose serial number is `predecessor`.
    kind text not null constraint issue_grant_kind check (kind in ('letter', 'renewal')),
    predecessor text,
    constraint issue_grant_two_mails check (second_mail is null or second_mail <> mail),
    constraint issue_grant_predecessor check ((kind = 'renewal') = (predecessor is not null)),
    constraint issue_grant_three_persons check (
        examined_by <> entered_by and approved_by <> examined_by and approved_by <> entered_by),
    constraint issue_grant_frozen check (
        (state = 'frozen') = (frozen_from is not null)
        and (state = 'frozen') = (frozen_at is not null)),
    constraint issue_grant_key check (
        (serial is not null) = case coalesce(frozen_from, state)
            when 'key_fixed' then true when 'collected' then true when 'seen_in_use' then true
            else false end
        and (state_at is not null) = case coalesce(frozen_from, state)
            when 'collected' then true when 'seen_in_use' then true
            when 'letter_returned' then true when 'voided' then true
            else false end)
);

create index issue_grant_institution on issue_grant (institution_id, id);
create index issue_grant_of_application on issue_grant (application_id, id);
create unique index issue_grant_application on issue_grant (application_id) where kind = 'letter';
create unique index issue_grant_successor on issue_grant (predecessor)
    where predecessor is not null and state <> 'voided';
create index issue_grant_predecessor on issue_grant (predecessor, id) where predecessor is not null;
create index issue_grant_renewed_at on issue_grant (approved_at, id) where kind = 'renewal';
create index issue_grant_not_collected on issue_grant (approved_at, id)
    where kind = 'letter' and state in ('posted', 'key_fixed');
create index issue_grant_without_key on issue_grant (approved_at, id)
    where kind = 'renewal' and state = 'posted';

create table reference_id (
    id text not null primary key,
    grant_id text not null references issue_grant (id),
    hmac bytea not null,
    pepper bigint not null,
    salt bytea not null,
    scope text not null
        constraint reference_id_scope check (
            scope = 'letter' or scope = 'renewal' or scope = 'revocation_only'),
    created_at bigint not null,
    ended_at bigint,
    -- When the letter with it was posted: it does nothing before (K2). A renewal's is out at once, and so is one that
    -- is shown to the certificate itself (I2). What collects by a letter has gone through two persons.
    posted_at bigint,
    -- By which proposal two persons released its letter for printing.
    release_id text references proposal (id),
    constraint reference_id_posted check (
        posted_at is null or scope <> 'letter' or release_id is not null)
);

create unique index reference_id_live on reference_id (grant_id) where ended_at is null;
create index reference_id_of_grant on reference_id (grant_id, created_at, id);
-- Letters that wait to be released and printed, and those that wait to be posted.
create index reference_id_to_print on reference_id (id)
    where ended_at is null and posted_at is null and release_id is null;
create index reference_id_to_post on reference_id (id)
    where ended_at is null and posted_at is null and release_id is not null;
create index reference_id_of_release on reference_id (release_id, id) where release_id is not null;

create table letter_secret (
    grant_id text not null primary key references issue_grant (id),
    sealed bytea not null,
    created_at bigint not null
);

create index letter_secret_age on letter_secret (created_at);

create table ca_key (
    id text not null primary key,
    purpose text not null
        constraint ca_key_purpose check (
            purpose = 'root' or purpose = 'subscriber' or purpose = 'tls'),
    state text not null constraint ca_key_state check (
        state = 'active' or state = 'retired' or state = 'destroyed'),
    certificate bytea not null,
    chain bytea,
    key_file text,
    shards bigint not null,
    not_after bigint not null,
    created_at bigint not null
);

create unique index ca_key_active on ca_key (purpose) where state = 'active';

create table certificate (
    serial text not null primary key,
    kind text not null constraint certificate_kind check (
        kind = 'subscriber' or kind = 'tls_server' or kind = 'ocsp_responder'
        or kind = 'feed_signer'),
    ca_key_id text not null references ca_key (id),
    shard bigint not null,
    grant_id text references issue_grant (id),
    fingerprint bytea,
    spki_sha256 bytea not null,
    not_before bigint not null,
    not_after bigint not null,
    created_at bigint not null,
    state text not null constraint certificate_state check (
        state = 'intended' or state = 'issued' or state = 'on_hold' or state = 'revoked'
        or state = 'superseded' or state = 'void'),
    state_at bigint,
    reason bigint,
    -- In force, but another certificate of the grant stands in its place (F3).
    set_aside_at bigint,
    constraint certificate_known check ((state in ('intended', 'void')) = (fingerprint is null)),
    constraint certificate_stopped check (
        (state in ('intended', 'issued')) = (state_at is null)
        and (reason is null or state = 'revoked')),
    constraint certificate_grant check ((kind = 'subscriber') = (grant_id is not null))
);

create unique index certificate_fingerprint on certificate (fingerprint)
    where fingerprint is not null;
create unique index certificate_live on certificate (grant_id)
    where grant_id is not null and set_aside_at is null
        and (state = 'intended' or state = 'issued' or state = 'on_hold');
create index certificate_set_aside on certificate (grant_id, created_at, serial)
    where set_aside_at is not null and state in ('issued', 'on_hold');
create unique index certificate_key on certificate (spki_sha256) where state <> 'void';
create index certificate_of_grant on certificate (grant_id, created_at, serial);
create index certificate_intended on certificate (created_at, serial) where state = 'intended';
-- Who is told of the end is found by it, and how many end in a month is counted from it alone.
create index certificate_not_after on certificate (not_after, serial, set_aside_at, grant_id)
    where state = 'issued' and kind = 'subscriber';
-- The revocation lists are read from these two indexes alone, in the order of the serial numbers.
create index certificate_listed on certificate
    (ca_key_id, serial, not_after, state, state_at, reason)
    where state = 'on_hold' or state = 'revoked' or state = 'superseded' or state = 'void';
create index certificate_listed_in_shard on certificate
    (ca_key_id, shard, serial, not_after, state, state_at, reason)
    where state = 'on_hold' or state = 'revoked' or state = 'superseded' or state = 'void';

-- What was stopped and has not ended yet, for the feed of the relying systems (F7).
create index certificate_stopped_end on certificate (not_after, serial)
    where state = 'on_hold' or state = 'revoked' or state = 'superseded';

create table certificate_der (
    serial text not null primary key references certificate (serial),
    tbs bytea not null,
    der bytea
);

create table sealed_key (
    serial text not null primary key references certificate (serial),
    grant_id text not null references issue_grant (id),
    -- What opens it beside the key-encryption key: the reference ID, or nothing (K3).
    wrap text not null constraint sealed_key_wrap check (wrap in ('authority', 'reference')),
    sealed bytea,
    created_at bigint not null,
    keep_until bigint not null,
    destroyed_at bigint,
    destroyed_because text constraint sealed_key_because check (
        destroyed_because = 'request' or destroyed_because = 'revocation'
        or destroyed_because = 'seen_in_use' or destroyed_because = 'window_end'),
    constraint sealed_key_destroyed check (
        (sealed is null) = (destroyed_at is not null)
        and (sealed is null) = (destroyed_because is not null))
);

create index sealed_key_grant on sealed_key (grant_id);
create index sealed_key_kept on sealed_key (keep_until, serial) where sealed is not null;

create table service_certificate (
    id text not null primary key,
    kind text not null constraint service_certificate_kind check (
        kind = 'tls_server' or kind = 'ocsp_responder' or kind = 'feed_signer'),
    name text not null,
    serial text not null constraint service_certificate_serial unique
        references certificate (serial),
    sealed_key bytea not null,
    not_after bigint not null,
    created_at bigint not null
);

create index service_certificate_name on service_certificate (kind, name, not_after);

-- One row for each collection, and for each that was refused. The audit event gives id and order.
create table collection (
    audit_id text not null primary key,
    grant_id text not null references issue_grant (id),
    at bigint not null,
    source text not null,
    refused text
);

create index collection_grant on collection (grant_id, audit_id);

create table revocation_request (
    id text not null primary key,
    number text not null constraint revocation_request_number unique,
    grant_id text not null references issue_grant (id),
    serial text references certificate (serial),
    mail text not null,
    reason text not null,
    submitted_at bigint not null,
    -- The instant of the hold; null while the request waits above the hourly rate (F4).
    held_at bigint,
    source text not null,
    state text not null constraint revocation_request_state check (
        state = 'submitted' or state = 'proposed' or state = 'ended'
        or state = 'ended_by_holder'),
    outcome text constraint revocation_request_outcome check (outcome in ('complete', 'lift')),
    proposed_by text references operator (id),
    proposed_at bigint,
    note text,
    confirmed_by text references operator (id),
    ended_at bigint,
    constraint revocation_request_proposed check (
        (state = 'submitted') = (outcome is null)
        and (state in ('submitted', 'ended_by_holder')) = (proposed_by is null)
        and (state <> 'ended_by_holder' or outcome = 'complete')),
    constraint revocation_request_two_persons check (
        (state = 'ended') = (confirmed_by is not null)
        and (state in ('ended', 'ended_by_holder')) = (ended_at is not null)
        and (confirmed_by is null or confirmed_by <> proposed_by))
);

create unique index revocation_request_open on revocation_request (grant_id)
    where state in ('submitted', 'proposed');
create index revocation_request_waiting on revocation_request (id)
    where state in ('submitted', 'proposed');
create index revocation_request_grant on revocation_request (grant_id, submitted_at, id);
create index revocation_request_held on revocation_request (held_at)
    where held_at is not null and source <> 'operator';

-- `wanted` rises with each change, `made` is the `wanted` that the last list contains.
create table publication (
    ca_key_id text not null references ca_key (id),
    list text not null,
    wanted bigint not null,
    made bigint not null,
    number bigint not null,
    this_update bigint not null,
    next_update bigint not null,
    due_at bigint not null,
    primary key (ca_key_id, list)
);

create index publication_due on publication (due_at, ca_key_id, list);

create table revocation_list (
    ca_key_id text not null,
    list text not null,
    number bigint not null,
    der bytea not null,
    primary key (ca_key_id, list),
    foreign key (ca_key_id, list) references publication (ca_key_id, list)
);

create table flow (
    id text not null primary key,
    kind text not null constraint flow_kind check (
        kind = 'address' or kind = 'collect' or kind = 'reference' or kind = 'renew'
        or kind = 'retrieve' or kind = 'revoke'),
    grant_id text not null references issue_grant (id),
    fingerprint bytea,
    step text not null,
    version bigint not null,
    answered bytea,
    entered text not null,
    created_at bigint not null,
    expires_at bigint not null
);

create index flow_end on flow (expires_at);
create index flow_of_grant on flow (grant_id);

create table outbox (
    id text not null primary key,
    at bigint not null,
    kind text not null,
    -- 0 for what somebody waits for before a screen, 1 for others, 2 for one of many that become due at once: the lower
    -- ones go first.
    urgency bigint not null,
    recipient text not null,
    key text not null constraint outbox_key unique,
    fields text not null,
    -- The request ID or 申請番号 that it tells about, or nothing: a case shows its mails.
    about text not null,
    -- Handing over: tries so far, when the next one is due, and who has it until when. `epoch` rises
    -- with each claim, so that whoever lost it can record nothing.
    attempts bigint not null,
    next_try_at bigint not null,
    epoch bigint not null,
    claimed_until bigint,
    last_error text,
    -- How often the mail server refused this very mail; after some days of that it is over.
    refusals bigint,
    sent_at bigint,
    -- It became useless before it was handed over, or cannot be delivered (then with `last_error`), and
    -- what it carried in secret is gone.
    dropped_at bigint
);

create index outbox_about on outbox (about, id);

create index outbox_waiting on outbox (at, id) where sent_at is null and dropped_at is null;
-- How many 申請情報受付通知 an address had.
create index outbox_received on outbox (lower(recipient), at) where kind = 'application_received';
create index outbox_due on outbox (urgency, next_try_at, id) where sent_at is null and dropped_at is null;

-- How many mails that are over there were, by the day in Japan on which they became due: what is left of rows of
-- `outbox` that were deleted.
create table sent_mail (
    day text not null,
    kind text not null,
    sent bigint not null,
    dropped bigint not null,
    primary key (day, kind)
);

-- Work that one process does at a time. `epoch` rises with each taking, so that whoever lost it can record nothing.
create table lease (
    name text not null primary key,
    epoch bigint not null,
    held_until bigint not null
);

-- The daily runs of notices. Days are those of Japan.
create table notice_run (
    day text not null primary key,
    finished_at bigint not null,
    mails bigint not null
);

-- 確認番号, each with the mail that carries it. `hmac` is there as long as the code is taken. A procedure may be
-- deleted before its codes are: they still count for the hour.
create table mail_code (
    mail_id text not null primary key references outbox (id),
    flow_id text not null,
    grant_id text not null references issue_grant (id),
    number bigint not null,
    recipient text not null,
    hmac bytea,
    pepper bigint not null,
    tries bigint not null,
    sent_at bigint not null,
    expires_at bigint not null,
    constraint mail_code_number unique (grant_id, number)
);

create unique index mail_code_live on mail_code (flow_id) where hmac is not null;
create index mail_code_flow on mail_code (flow_id, number);
create index mail_code_end on mail_code (expires_at) where hmac is not null;
create index mail_code_sent on mail_code (sent_at);

-- Addresses whose mails come back (RFC 3464), with the newest one that did and why.
create table bounced_address (
    address text not null primary key,
    since bigint not null,
    mail_id text not null references outbox (id),
    status text not null,
    said text not null
);

create index bounced_address_mail on bounced_address (mail_id);

create index issue_grant_mail on issue_grant (mail);
create index issue_grant_second_mail on issue_grant (second_mail) where second_mail is not null;

-- Grants none of whose addresses gets mails: before its certificate ends, somebody calls the holder or writes a letter.
-- `tries` rises with each attempt; `handled_at` is there once the holder was told.
create table unreachable_grant (
    grant_id text not null primary key references issue_grant (id),
    not_after bigint not null,
    since bigint not null,
    tries bigint not null,
    tried_at bigint,
    tried_by text references operator (id),
    tried_how text constraint unreachable_grant_how check (
        tried_how = 'letter' or tried_how = 'no_answer' or tried_how = 'telephone'),
    note text,
    handled_at bigint,
    constraint unreachable_grant_tried check (
        (tries = 0) = (tried_at is null) and (tries = 0) = (tried_by is null)
        and (tries = 0) = (tried_how is null) and (tries = 0) = (note is null)
        and (handled_at is null or tries > 0))
);

create index unreachable_grant_waiting on unreachable_grant (not_after, grant_id)
    where handled_at is null;

create table wrong_id (
    source text not null,
    minute bigint not null,
    count bigint not null,
    primary key (minute, source)
);

create table audit (
    id text not null primary key,
    at bigint not null,
    actor text not null,
    action text not null,
    object text not null,
    detail text not null
);

create index audit_object on audit (object, id);
create index audit_actor on audit (actor, id);

-- The nightly feed of the relying systems: made once a day, with its signature (F7).
create table relying_feed (
    day text not null primary key,
    made_at bigint not null,
    sha256 text not null,
    body bytea not null,
    signature bytea not null
);
