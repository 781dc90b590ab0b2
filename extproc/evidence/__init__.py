"""Evidence: the durable record of every call, from the worker to the analyst.

An entry (``model/entries.py``) goes through three stages::

    worker: Spool ──> <worker>.spool (SQLite) ──> control: Shipper ──> ClickHouse ──> EvidenceReader

Constraints
    - An acknowledged entry is never lost: not by a killed process, a full disk, or a loss of power.
    - An entry is in ClickHouse exactly once, and in the order of its writer.
    - A worker's event loop never waits for a disk; only a call whose connection is ``strict`` waits for its
    commit. - A failure refuses calls. It never skips an entry silently. - Entries hold masked values only, and
    nothing here masks: an entry is masked before it is made.

On disk, in the folder ``evidence.spool``
    - ``<worker>.spool``: the log. Table ``entries`` has ``seq`` (from 1, without gaps), ``time_ns``,
      ``document`` and ``leaf_hash``. Table ``writer`` has the identity of the log, which is made with the file.
    - ``<worker>.lock``: locked while a process writes the spool.
    - ``<worker>.shipped``: the watermark, the last sequence number that is in ClickHouse.
    - ``<worker>.<random>.pending``: the queue journal, with the entries that are queued and not stored yet.
    - ``<worker>.<random>.words``: the crash file, with the entry of the call that is being evaluated.
    - ``shipper.db`` and ``shipper.lock``: the shipper's state, and its lock.

Writing (``spool/``)
    The event loop encodes an entry and queues it. One writer thread takes all queued entries, stores them in one
    transaction, and resolves the futures of the callers that wait. Terminal entries delay nobody, so they wait
    up to 20 ms for other entries, and are in the queue journal meanwhile. A failed commit refuses the entries
    with waiting callers. The file is then opened again and its newest sequence number read, before any number is
    used: a commit that failed may have been stored nevertheless.

Reading and shipping (``shipping/``)
    The control process reads the spools read-only, block by block. A block's boundaries become durable before it
    is sent, and the watermark moves after ClickHouse has confirmed the block. The worker deletes entries up to
    the watermark after their retention. The newest row stays, because it carries the sequence.

Recovery
    - A worker that starts stores the entries of orphaned queue journals that are in no spool, and the entry of an
      orphaned crash file whose call has no recorded end. A file is an orphan if nobody holds its lock.
    - A shipper that starts repeats the block in flight, after it has asked ClickHouse whether the block has
    arrived. - A document that does not match its hash, or cannot be read, is shipped as it is and marked as
    damaged.

Querying (``query/``)
    Analysts read through ``EvidenceReader``. It accepts their own SQL after ``sql_guard`` has checked it.
"""
