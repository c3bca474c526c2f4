"""how many times in a row a delivery was begun without an outcome"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("starts", sa.Integer(), nullable=False, server_default="0"))
