"""the vendor's clock beside ours, and the reports that acts bring about"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("vendor_lead", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("acted_lead", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("customer", sa.Text(), nullable=True))
        batch_op.create_index(op.f("ix_conversation_customer"), ["customer"], unique=False)
    with op.batch_alter_table("handoff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("end_written_at", sa.Double(), nullable=True))
    with op.batch_alter_table("said", schema=None) as batch_op:
        batch_op.add_column(sa.Column("act", Id, nullable=True))
        batch_op.add_column(sa.Column("handoff_id", Id, nullable=True))
        batch_op.add_column(sa.Column("recorded_at", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("event_id", sa.Text(), nullable=True))
